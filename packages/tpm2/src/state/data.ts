import { array, buffer, bytes, list, struct, type TypeOf, table, UINT8, UINT16, UINT32, UINT64 } from "@vtpm/wire";
import { TPM2B_AUTH, TPM2B_DIGEST, TPMI_YES_NO, TPML_PCR_SELECTION } from "../spec/structures/index.ts";

/** A primary seed or a proof value: 64 bytes in libtpms' layouts. */
const SECRET = buffer("seed or proof", { max: 64 });
const COMMANDS = list("command codes", UINT32, { max: 0xffff });

/** What stays until somebody changes it. @spec Part 1, "NV Memory"; field names as in libtpms' state */
export const PERSISTENT_DATA = struct("PERSISTENT_DATA", {
  disableClear: TPMI_YES_NO,
  ownerAlg: UINT16,
  endorsementAlg: UINT16,
  lockoutAlg: UINT16,
  ownerPolicy: TPM2B_DIGEST,
  endorsementPolicy: TPM2B_DIGEST,
  lockoutPolicy: TPM2B_DIGEST,
  ownerAuth: TPM2B_AUTH,
  endorsementAuth: TPM2B_AUTH,
  lockoutAuth: TPM2B_AUTH,
  EPSeed: SECRET,
  SPSeed: SECRET,
  PPSeed: SECRET,
  phProof: SECRET,
  shProof: SECRET,
  ehProof: SECRET,
  EPSeedCompatLevel: UINT8,
  SPSeedCompatLevel: UINT8,
  PPSeedCompatLevel: UINT8,
  totalResetCount: UINT64,
  resetCount: UINT32,
  /** The policy of the PCRs that may have one (one group). */
  pcrPolicyAlg: UINT16,
  pcrPolicy: TPM2B_DIGEST,
  /** The banks from the next _TPM_Init on. */
  pcrAllocated: TPML_PCR_SELECTION,
  /** The banks since the last Startup: what a TPM that goes on without one has. */
  pcrInUse: TPML_PCR_SELECTION,
  ppList: COMMANDS,
  failedTries: UINT32,
  maxTries: UINT32,
  /** Seconds. */
  recoveryTime: UINT32,
  /** Seconds. */
  lockoutRecovery: UINT32,
  lockOutAuthEnabled: TPMI_YES_NO,
  /** How the TPM was stopped: see `ORDERLY`. */
  orderlyState: UINT16,
  auditCommands: COMMANDS,
  auditHashAlg: UINT16,
  auditCounter: UINT64,
  algorithmSet: UINT32,
  firmwareV1: UINT32,
  firmwareV2: UINT32,
  timeEpoch: UINT32,
  /** The largest value a deleted counter Index had. */
  maxCounter: UINT64,
});
export type PERSISTENT_DATA = TypeOf<typeof PERSISTENT_DATA>;

/** Values of `orderlyState` beside the TPM_SU of an orderly Shutdown. */
export const ORDERLY = {
  /** Running, or stopped without TPM2_Shutdown. */
  NONE: 0xffff,
  /** The same, and an authorization protected from dictionary attack was used. */
  DA_USED: 0xfffe,
  /** Set in the TPM_SU: H-CRTM measurement before TPM2_Startup. */
  PRE_STARTUP: 0x8000,
  /** Set in the TPM_SU: TPM2_Startup came from locality 3. */
  STARTUP_LOCALITY_3: 0x4000,
} as const;

/** Whether an orderlyState tells of a TPM2_Shutdown. */
export const isOrderly = (orderlyState: number): boolean =>
  orderlyState !== ORDERLY.NONE && orderlyState !== ORDERLY.DA_USED;

/** What an orderly shutdown saves and every Startup restores. */
export const ORDERLY_DATA = struct("ORDERLY_DATA", {
  /** Milliseconds. */
  clock: UINT64,
  clockSafe: TPMI_YES_NO,
  /** Milliseconds of TPM time when failures were last counted or forgiven; before the TPM's start: modulo 2^64. */
  selfHealTimer: UINT64,
  lockoutTimer: UINT64,
  /** Milliseconds of TPM time at the last orderly shutdown, to which the two timers refer. */
  time: UINT64,
});
export type ORDERLY_DATA = TypeOf<typeof ORDERLY_DATA>;

/** What a TPM Reset forgets. */
export const STATE_RESET_DATA = struct("STATE_RESET_DATA", {
  nullProof: SECRET,
  nullSeed: SECRET,
  nullSeedCompatLevel: UINT8,
  clearCount: UINT32,
  objectContextID: UINT64,
  /** Per session: 0 free, 1..3 loaded in that slot, larger: the low bits of its saved context's counter. */
  contextArray: array("contextArray", UINT16, 64),
  /** The largest number that fits there: 0xffff, or 0xff in a state that libtpms has had since before 0.9. */
  contextSlotMask: UINT16,
  contextCounter: UINT64,
  commandAuditDigest: TPM2B_DIGEST,
  restartCount: UINT32,
  pcrCounter: UINT32,
  commitCounter: UINT64,
  commitNonce: SECRET,
  commitArray: bytes("commitArray", 16),
});
export type STATE_RESET_DATA = TypeOf<typeof STATE_RESET_DATA>;

/** PCR values by bank: all PCRs of a bank in one list. */
export const PCR_BANKS = table("PCR banks", UINT16, list("PCRs", TPM2B_DIGEST, { max: 32 }));
export type PCR_BANKS = TypeOf<typeof PCR_BANKS>;

/** What a TPM Restart forgets too. */
export const STATE_CLEAR_DATA = struct("STATE_CLEAR_DATA", {
  shEnable: TPMI_YES_NO,
  ehEnable: TPMI_YES_NO,
  phEnableNV: TPMI_YES_NO,
  platformAlg: UINT16,
  platformPolicy: TPM2B_DIGEST,
  platformAuth: TPM2B_AUTH,
  /** The static PCRs as of the last Shutdown(STATE). */
  pcrSave: PCR_BANKS,
  /** The authValue of the PCRs that may have one (one group). */
  pcrAuthValue: TPM2B_AUTH,
});
export type STATE_CLEAR_DATA = TypeOf<typeof STATE_CLEAR_DATA>;
