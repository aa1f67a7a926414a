import { EMPTY } from "@vtpm/wire";
import { TPM_ALG } from "../spec/constants.ts";
import { TPM_RH } from "../spec/handles.ts";
import { NO_EXTENSION } from "./extension.ts";
import type { NvState, RAM_STATE, TpmState } from "./tpm-state.ts";
import { allUntested } from "./untested-algorithms.ts";

const NO_SEED = EMPTY;

/** RAM as _TPM_Init leaves it: nothing that TPM2_Startup does not set. */
function emptyRam(nv: NvState): RAM_STATE {
  return {
    started: 0,
    failed: 0,
    timerLast: 0n,
    timerWasReset: 1,
    clockRate: 30000,
    time: 0n,
    orderly: nv.orderly,
    orderlyIndices: new Map(),
    stateReset: {
      nullProof: NO_SEED,
      nullSeed: NO_SEED,
      nullSeedCompatLevel: 1,
      clearCount: 0,
      objectContextID: 0n,
      contextArray: Array.from({ length: 64 }, () => 0),
      contextSlotMask: 0xffff,
      contextCounter: 0n,
      commandAuditDigest: EMPTY,
      restartCount: 0,
      pcrCounter: 0,
      commitCounter: 0n,
      commitNonce: NO_SEED,
      commitArray: new Uint8Array(16),
    },
    stateClear: {
      shEnable: 0,
      ehEnable: 0,
      phEnableNV: 0,
      platformAlg: TPM_ALG.NULL,
      platformPolicy: EMPTY,
      platformAuth: EMPTY,
      pcrSave: new Map(),
      pcrAuthValue: EMPTY,
    },
    phEnable: 0,
    pcrAllocated: nv.persistent.pcrAllocated,
    pcrReConfig: 0,
    pcrs: new Map(),
    objects: new Map(),
    sessions: new Map(),
    exclusiveAuditSession: TPM_RH.UNASSIGNED,
    drtmHandle: TPM_RH.UNASSIGNED,
    drtmPreStartup: 0,
    startupLocality3: 0,
    daUsed: 0,
    prevOrderlyState: nv.persistent.orderlyState,
    established: 0,
    untested: allUntested(nv.profile),
    extension: NO_EXTENSION,
    imageForm: EMPTY,
  };
}

/** The state of a TPM that has lost power, or has not had it yet. */
export function poweredOff(nv: NvState): TpmState {
  return { nv, ram: emptyRam(nv) };
}
