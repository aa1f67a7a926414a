import { TPM2B_AUTH, TPM2B_DIGEST, TPM2B_NONCE, TPMA_SESSION, TPMI_YES_NO } from "@vtpm/tpm2/spec";
import { BEYOND_LIBTPMS, OBJECT_IMAGE } from "@vtpm/tpm2/state";
import {
  block,
  type Codec,
  constant,
  counted,
  LATER_ADDITIONS,
  since,
  struct,
  type TypeOf,
  UINT16,
  UINT32,
  UINT64,
  versioned,
} from "@vtpm/wire";
import { BEYOND_VOLATILE } from "./beyond.ts";
import { NATIVE_RAM } from "./native-ram.ts";
import { ORDERLY_DATA } from "./orderly-data.ts";
import { PCR, PCR_COUNT } from "./pcr-banks.ts";
import { SECRET } from "./secret.ts";
import { SESSION_SLOT } from "./session.ts";
import { STATE_CLEAR_DATA } from "./state-clear-data.ts";
import { STATE_RESET_DATA } from "./state-reset-data.ts";

const MAGIC = 0x45637889;

const SLOTS = 3;

/** What libtpms remembers of the sessions of the last command; the next one sets it anew. */
export const LAST_COMMAND = struct("last command", {
  sessions: counted(
    "sessions",
    struct("session", {
      handle: UINT32,
      attributes: TPMA_SESSION,
      associatedHandle: UINT32,
      nonceCaller: TPM2B_NONCE,
      inputAuth: TPM2B_AUTH,
    }),
    SLOTS,
  ),
  encryptSession: UINT32,
  decryptSession: UINT32,
  auditSession: UINT32,
  audit: block(struct("audit", { cpHash: TPM2B_DIGEST })),
  isDaPending: TPMI_YES_NO,
});
export type LAST_COMMAND = TypeOf<typeof LAST_COMMAND>;

/** Where and why libtpms went into failure mode. */
export const FAILURE = struct("failure", { place: UINT32, line: UINT32, code: UINT32 });
export type FAILURE = TypeOf<typeof FAILURE>;

const LAYOUT = versioned(
  "VOLATILE_STATE",
  {
    magic: MAGIC,
    newest: 4,
    beyond: BEYOND_LIBTPMS,
    additions: {
      // Must be those of the permanent state.
      EPSeed: [3, SECRET],
      SPSeed: [3, SECRET],
      PPSeed: [3, SECRET],
      monotonicTime: [4, UINT64],
      suspendedElapsed: [4, UINT64],
      lastSystemTime: [4, UINT64],
      lastReportedTime: [4, UINT64],
    },
  },
  {
    beyond: since(BEYOND_LIBTPMS, BEYOND_VOLATILE),
    exclusiveAuditSession: UINT32,
    time: UINT64,
    phEnable: TPMI_YES_NO,
    pcrReConfig: TPMI_YES_NO,
    drtmHandle: UINT32,
    drtmPreStartup: TPMI_YES_NO,
    startupLocality3: TPMI_YES_NO,
    lockout: block(struct("lockout", { daUsed: TPMI_YES_NO })),
    powerWasLost: TPMI_YES_NO,
    prevOrderlyState: UINT16,
    nvOk: TPMI_YES_NO,
    unused: TPM2B_AUTH,
    orderly: ORDERLY_DATA,
    stateClear: STATE_CLEAR_DATA,
    stateReset: STATE_RESET_DATA,
    manufactured: TPMI_YES_NO,
    initialized: TPMI_YES_NO,
    lastCommand: block(LAST_COMMAND),
    lockoutTimers: LATER_ADDITIONS,
    nv: block(struct("NV", { end: UINT32, ram: NATIVE_RAM, maxCounter: UINT64 })),
    objects: block(struct("objects", { slots: counted("slots", OBJECT_IMAGE, SLOTS) })),
    pcrs: block(struct("PCRs", { values: counted("values", PCR, PCR_COUNT) })),
    sessions: block(
      struct("sessions", { slots: counted("slots", SESSION_SLOT, SLOTS), oldestSaved: UINT32, freeSlots: UINT32 }),
    ),
    inFailureMode: TPMI_YES_NO,
    established: TPMI_YES_NO,
    failure: block(FAILURE),
    timer: block(struct("timer", { realTimePrevious: UINT64, tpmTime: UINT64 })),
    timerReset: TPMI_YES_NO,
    timerStopped: TPMI_YES_NO,
    adjustRate: UINT32,
    wallClock: UINT64,
  },
);
const END = constant("magic at the end", UINT32, MAGIC);

/** The state of a TPM that runs, beside its permanent state: what libtpms hands to swtpm for it, without the digest behind. */
export const VOLATILE_STATE: Codec<TypeOf<typeof LAYOUT>> = {
  ...LAYOUT,
  read(reader) {
    const value = LAYOUT.read(reader);
    reader.part("end", END);
    return value;
  },
  write(writer, value) {
    LAYOUT.write(writer, value);
    END.write(writer, MAGIC);
  },
};
export type VOLATILE_STATE = TypeOf<typeof VOLATILE_STATE>;
