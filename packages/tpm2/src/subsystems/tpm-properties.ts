import { CURVES } from "@vtpm/crypto";
import type { Engine } from "../engine.ts";
import { TPMA_PERMANENT, TPMA_STARTUP_CLEAR } from "../spec/attributes.ts";
import { TPM_PT } from "../spec/properties.ts";
import type { TPMS_TAGGED_PROPERTY } from "../spec/structures/index.ts";
import { ORDERLY } from "../state/data.ts";

/** Properties come in groups of so many numbers; an answer never goes from one group into the next. */
const GROUP = 0x100;
/** The handles of hierarchies have 16 bits for it. */
const MAX_SVN = 0xffff;
const FIXED_GROUP = 0x100;
const VARIABLE_GROUP = 0x200;

/** TPM_CAP_TPM_PROPERTIES from a property to the end of its group. */
export function tpmProperties(tpm: Engine, property: number): TPMS_TAGGED_PROPERTY[] {
  const first = Math.max(property, FIXED_GROUP);
  const group = Math.floor(first / GROUP) * GROUP;
  const all = group === FIXED_GROUP ? fixedProperties(tpm) : group === VARIABLE_GROUP ? variableProperties(tpm) : [];
  return all.filter((tagged) => tagged.property >= first);
}

/**
 * The profile's, but the firmware version is that under which the TPM got power, old states keep less of saved contexts, and
 * the way to the TPM may be narrower than the TPM is.
 */
function fixedProperties({ profile, persistent, stateReset, hierarchies, bufferSize }: Engine): TPMS_TAGGED_PROPERTY[] {
  const firmware = hierarchies.firmware();
  return Array.from(profile.properties, ([property, value]) => {
    if (property === TPM_PT.FIRMWARE_VERSION_1) return { property, value: persistent.firmwareV1 };
    if (property === TPM_PT.FIRMWARE_VERSION_2) return { property, value: persistent.firmwareV2 };
    if (property === TPM_PT.FIRMWARE_SVN && firmware !== undefined) return { property, value: firmware.svn };
    if (property === TPM_PT.FIRMWARE_MAX_SVN && firmware !== undefined) return { property, value: MAX_SVN };
    if (property === TPM_PT.CONTEXT_GAP_MAX) return { property, value: stateReset.contextSlotMask };
    if (property === TPM_PT.MAX_COMMAND_SIZE || property === TPM_PT.MAX_RESPONSE_SIZE) {
      return { property, value: Math.min(value, bufferSize) };
    }
    return { property, value };
  });
}

function variableProperties(tpm: Engine): TPMS_TAGGED_PROPERTY[] {
  const { persistent, state } = tpm;
  const sessions = tpm.sessions.counts();
  const space = tpm.nv.space();
  const all: readonly (readonly [number, number])[] = [
    [TPM_PT.PERMANENT, permanent(tpm)],
    [TPM_PT.STARTUP_CLEAR, startupClear(tpm)],
    [TPM_PT.HR_NV_INDEX, state.nv.indices.size],
    [TPM_PT.HR_LOADED, sessions.loaded],
    [TPM_PT.HR_LOADED_AVAIL, sessions.loadable],
    [TPM_PT.HR_ACTIVE, sessions.active],
    [TPM_PT.HR_ACTIVE_AVAIL, sessions.available],
    [TPM_PT.HR_TRANSIENT_AVAIL, tpm.objects.freeSlots()],
    [TPM_PT.HR_PERSISTENT, state.nv.objects.size],
    [TPM_PT.HR_PERSISTENT_AVAIL, space.persistentAvailable()],
    [TPM_PT.NV_COUNTERS, space.counters()],
    [TPM_PT.NV_COUNTERS_AVAIL, space.countersAvailable(tpm.ram.orderlyIndices)],
    [TPM_PT.ALGORITHM_SET, persistent.algorithmSet],
    // All that the engine knows, whichever of them the profile has.
    [TPM_PT.LOADED_CURVES, Object.keys(CURVES).length],
    [TPM_PT.LOCKOUT_COUNTER, persistent.failedTries],
    [TPM_PT.MAX_AUTH_FAIL, persistent.maxTries],
    [TPM_PT.LOCKOUT_INTERVAL, persistent.recoveryTime],
    [TPM_PT.LOCKOUT_RECOVERY, persistent.lockoutRecovery],
    [TPM_PT.NV_WRITE_RECOVERY, 0],
    [TPM_PT.AUDIT_COUNTER_0, Number(persistent.auditCounter / 2n ** 32n)],
    [TPM_PT.AUDIT_COUNTER_1, Number(persistent.auditCounter % 2n ** 32n)],
  ];
  return all.map(([property, value]) => ({ property, value }));
}

function permanent({ persistent }: Engine): number {
  return TPMA_PERMANENT.of({
    ownerAuthSet: persistent.ownerAuth.length !== 0,
    endorsementAuthSet: persistent.endorsementAuth.length !== 0,
    lockoutAuthSet: persistent.lockoutAuth.length !== 0,
    disableClear: persistent.disableClear === 1,
    inLockout: persistent.failedTries >= persistent.maxTries,
    tpmGeneratedEPS: true,
  });
}

function startupClear({ ram, stateClear }: Engine): number {
  return TPMA_STARTUP_CLEAR.of({
    phEnable: ram.phEnable === 1,
    shEnable: stateClear.shEnable === 1,
    ehEnable: stateClear.ehEnable === 1,
    phEnableNV: stateClear.phEnableNV === 1,
    readOnly: ram.extension.readOnly === 1,
    orderly: ram.prevOrderlyState !== ORDERLY.NONE,
  });
}
