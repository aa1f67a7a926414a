import { HANDLE, handleTypeOf, TPM_HT, TPM_RH, TPMA_NV } from "@vtpm/tpm2/spec";
import { type NvState, OBJECT_ATTRIBUTES } from "@vtpm/tpm2/state";
import { equalBytes } from "@vtpm/wire";
import { ImageError } from "../image-error.ts";
import { complaintAboutRam, externalOf, isExternal } from "./beyond.ts";
import { otherSelection } from "./pcr-banks.ts";
import { VOLATILE_STATE } from "./volatile-state.ts";

const SLOTS = 3;
/** libtpms lets TPM time go so much faster or slower. */
const RATES = { min: 25000, max: 35000 } as const;

/** Refuses a state whose parts do not go together, or that is not one of this TPM. */
export function checkVolatile(state: VOLATILE_STATE, nv: NvState): void {
  for (const seed of ["EPSeed", "SPSeed", "PPSeed"] as const) {
    const own = state[seed];
    if (own !== undefined && !equalBytes(own, nv.persistent[seed])) {
      refuse(seed, "this is the state of another TPM, or of this one with other seeds");
    }
  }
  if (state.adjustRate < RATES.min || state.adjustRate > RATES.max)
    refuse("adjustRate", `${state.adjustRate} is no rate`);
  checkSessions(state);
  checkObjects(state);
  checkOrderlyIndices(state, nv);
  checkOtherBanks(state, nv);
}

function refuse(field: string, reason: string): never {
  throw new ImageError(`${VOLATILE_STATE.name}.${field}`, 0, reason);
}

/** The banks that libtpms has no place for are those that the permanent state has in use. */
function checkOtherBanks({ beyond, initialized }: VOLATILE_STATE, { persistent }: NvState): void {
  if (initialized === 0) return;
  const inUse = otherSelection(persistent.pcrInUse).map(({ hash }) => hash);
  const banks = [...(beyond?.pcrs.keys() ?? [])];
  const isSame = inUse.length === banks.length && inUse.every((hash) => banks.some((bank) => bank === hash));
  if (!isSame) refuse("beyond.pcrs", `${banks.length} banks, the permanent state has ${inUse.length} in use`);
}

/** Every loaded session has a slot of its own, and every slot in use a session. */
function checkSessions({ sessions, stateReset, exclusiveAuditSession }: VOLATILE_STATE): void {
  const taken = new Set<number>();
  for (const entry of stateReset.contextArray) {
    if (entry === 0 || entry > SLOTS) continue;
    if (taken.has(entry)) refuse("stateReset.contextArray", `two sessions are in slot ${entry - 1}`);
    if (sessions.slots[entry - 1] === undefined)
      refuse("sessions", `a session is in slot ${entry - 1}, which is empty`);
    taken.add(entry);
  }
  const used = sessions.slots.filter((slot) => slot !== undefined).length;
  if (used !== taken.size) refuse("sessions", `${used} slots are in use by ${taken.size} sessions`);
  if (sessions.freeSlots !== SLOTS - used) refuse("sessions.freeSlots", `${sessions.freeSlots} of ${SLOTS - used}`);
  if (exclusiveAuditSession === TPM_RH.UNASSIGNED) return;
  const type = handleTypeOf(exclusiveAuditSession);
  if (type !== TPM_HT.HMAC_SESSION && type !== TPM_HT.POLICY_SESSION) {
    refuse("exclusiveAuditSession", `0x${exclusiveAuditSession.toString(16)} is not a session`);
  }
}

/** Persistent objects are in a slot during a command only; the sequence of a D-RTM is one. */
function checkObjects({ objects, drtmHandle }: VOLATILE_STATE): void {
  for (const [slot, { content }] of objects.slots.entries()) {
    const occupied = content.object !== undefined || content.sequence !== undefined;
    if (occupied && OBJECT_ATTRIBUTES.has(content.attributes, "evict")) {
      refuse(`objects.slots[${slot}]`, "a persistent object is in a transient slot");
    }
  }
  if (drtmHandle === TPM_RH.UNASSIGNED) return;
  if (objects.slots[drtmHandle - HANDLE.TRANSIENT_FIRST]?.content.sequence === undefined) {
    refuse("drtmHandle", `0x${drtmHandle.toString(16)} is not a sequence`);
  }
}

/** The memory has the orderly Indices that the permanent state has defined; before TPM2_Startup what it has does not count. */
function checkOrderlyIndices({ beyond, nv: { ram }, initialized }: VOLATILE_STATE, { indices }: NvState): void {
  if (initialized === 0) return;
  const complaint = complaintAboutRam(beyond?.externalRam ?? new Map(), externalOf(indices));
  if (complaint !== undefined) refuse("beyond.externalRam", complaint);
  for (const { handle, data } of ram.entries) {
    const index = indices.get(handle)?.publicArea;
    if (index === undefined || !TPMA_NV.has(index.attributes, "ORDERLY") || index.dataSize !== data.length) {
      refuse(
        "nv.ram",
        `0x${handle.toString(16)} is not an orderly NV Index of ${data.length} bytes in the permanent state`,
      );
    }
  }
  const orderly = [...indices.values()].filter(
    ({ publicArea }) => TPMA_NV.has(publicArea.attributes, "ORDERLY") && !isExternal(publicArea.nvIndex),
  ).length;
  if (orderly !== ram.entries.length) refuse("nv.ram", `${ram.entries.length} orderly NV Indices of ${orderly}`);
}
