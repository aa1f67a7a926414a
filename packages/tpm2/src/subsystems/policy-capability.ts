import { type Bytes, concatBytes, encode } from "@vtpm/wire";
import type { Engine } from "../engine.ts";
import { uint16, uint32 } from "../integer-bytes.ts";
import { TPM_CAP } from "../spec/constants.ts";
import { HANDLE, handleTypeOf, TPM_HT, TPM_RH } from "../spec/handles.ts";
import { type FormatOneRc, TPM_RC } from "../spec/response-codes.ts";
import { TPMS_ACT_DATA, TPMS_TAGGED_PCR_SELECT, TPMS_TAGGED_PROPERTY } from "../spec/structures/index.ts";
import { pcrProperties } from "./capabilities.ts";
import { permanentHandles } from "./handle-lists.ts";
import { PCR_COUNT } from "./pcr-attributes.ts";
import { tpmProperties } from "./tpm-properties.ts";

/** Finds one property of a capability, encoded as TPM2_GetCapability would list it; `undefined`: the TPM has it not. */
export type LookUp = (tpm: Engine, property: number) => Bytes | undefined;

const LOOK_UPS = new Map<number, LookUp>([
  [TPM_CAP.ALGS, algorithm],
  [TPM_CAP.HANDLES, (tpm, handle) => (hasHandle(tpm, handle) ? uint32(handle) : undefined)],
  [TPM_CAP.COMMANDS, (tpm, code) => encoded(tpm.profile.commands.get(code))],
  [TPM_CAP.PP_COMMANDS, (tpm, code) => listed(tpm, tpm.persistent.ppList, code)],
  [TPM_CAP.AUDIT_COMMANDS, (tpm, code) => listed(tpm, tpm.persistent.auditCommands, code)],
  [TPM_CAP.PCR_PROPERTIES, pcrProperty],
  [TPM_CAP.TPM_PROPERTIES, tpmProperty],
  [TPM_CAP.ECC_CURVES, curve],
  [TPM_CAP.AUTH_POLICIES, authPolicy],
]);

/** How a capability is looked up; `undefined` for one of which there is only the whole, or nothing. */
export function capabilityOf({ profile }: Engine, capability: number): LookUp | undefined {
  // A TPM without timers lists none, but does not compare them either.
  if (capability === TPM_CAP.ACT) return profile.limit("ACT_HANDLES") > 0 ? timer : undefined;
  return LOOK_UPS.get(capability);
}

const LISTED_HANDLE_TYPES: readonly number[] = [
  TPM_HT.TRANSIENT,
  TPM_HT.PERSISTENT,
  TPM_HT.NV_INDEX,
  TPM_HT.LOADED_SESSION,
  TPM_HT.SAVED_SESSION,
  TPM_HT.PCR,
  TPM_HT.PERMANENT,
];

/** Why a property cannot belong to the capability, whatever TPM it is. */
export function propertyFlaw(capability: number, property: number): FormatOneRc | undefined {
  const type = handleTypeOf(property);
  if (capability === TPM_CAP.HANDLES && !LISTED_HANDLE_TYPES.includes(type)) return TPM_RC.HANDLE;
  if (capability === TPM_CAP.AUTH_POLICIES && type !== TPM_HT.PERMANENT) return TPM_RC.VALUE;
  const isTimer = property >= TPM_RH.ACT_0 && property <= TPM_RH.ACT_F;
  if (capability === TPM_CAP.ACT && !isTimer) return TPM_RC.VALUE;
  return undefined;
}

const encoded = (value: number | undefined): Bytes | undefined => (value === undefined ? undefined : uint32(value));

const listed = ({ profile }: Engine, codes: readonly number[], code: number): Bytes | undefined =>
  codes.includes(code) && profile.allows("CC", code) ? uint32(code) : undefined;

/** An algorithm or a curve has 16 bits; the reference drops the others. */
const low16 = (property: number): number => property % 2 ** 16;

function algorithm(tpm: Engine, property: number): Bytes | undefined {
  const attributes = tpm.profile.algorithms.get(low16(property));
  return attributes === undefined ? undefined : concatBytes(uint16(low16(property)), uint32(attributes));
}

function curve(tpm: Engine, property: number): Bytes | undefined {
  return tpm.profile.curves.includes(low16(property)) ? uint16(low16(property)) : undefined;
}

function timer(tpm: Engine, handle: number): Bytes | undefined {
  const found = tpm.timers.list(handle).find((each) => each.handle === handle);
  return found === undefined ? undefined : encode(TPMS_ACT_DATA, found);
}

function authPolicy(tpm: Engine, handle: number): Bytes | undefined {
  const found = tpm.hierarchies.policyOf(handle);
  return found === undefined ? undefined : concatBytes(uint32(handle), uint16(found.hashAlg), found.policy);
}

function pcrProperty(tpm: Engine, property: number): Bytes | undefined {
  const found = pcrProperties(tpm, property).find(({ tag }) => tag === property);
  return found === undefined ? undefined : encode(TPMS_TAGGED_PCR_SELECT, found);
}

function tpmProperty(tpm: Engine, property: number): Bytes | undefined {
  const found = tpmProperties(tpm, property).find((each) => each.property === property);
  return found === undefined ? undefined : encode(TPMS_TAGGED_PROPERTY, found);
}

function hasHandle(tpm: Engine, handle: number): boolean {
  const index = handle - handleTypeOf(handle) * 2 ** 24;
  switch (handleTypeOf(handle)) {
    case TPM_HT.TRANSIENT:
      // Any object from this handle on counts, as in the reference.
      return [...tpm.ram.objects.keys()].some((loaded) => loaded >= handle);
    case TPM_HT.PERSISTENT:
      return tpm.state.nv.objects.has(handle);
    case TPM_HT.NV_INDEX:
      return tpm.nv.find(handle) !== undefined;
    case TPM_HT.LOADED_SESSION:
    case TPM_HT.SAVED_SESSION:
      // Either type stands for any active session, as in the reference.
      return (tpm.stateReset.contextArray[index] ?? 0) !== 0;
    case TPM_HT.PCR:
      return handle < HANDLE.PCR_FIRST + PCR_COUNT;
    default:
      return permanentHandles(tpm, handle)[0] === handle;
  }
}
