import { TPM2B_AUTH, TPMI_YES_NO } from "@vtpm/tpm2/spec";
import {
  type Bytes,
  buffer,
  decode,
  EMPTY,
  encode,
  list,
  optional,
  struct,
  type TypeOf,
  UINT8,
  UINT32,
  UINT64,
} from "@vtpm/wire";
import { HEADERS, UNSEEDED } from "./image-form.ts";
import { NATIVE_RAM_SIZE } from "./native-ram.ts";
import { DRBG_STATE } from "./orderly-data.ts";
import { FAILURE, LAST_COMMAND } from "./volatile-state.ts";

/** How the clocks of the platform that wrote the state relate to those of this one. */
export const CLOCK_FORM = struct("clocks", {
  /** To be added to this platform's monotonic clock: modulo 2^64. */
  monotonicOffset: UINT64,
  suspendedElapsed: UINT64,
  lastSystemTime: UINT64,
  lastReportedTime: UINT64,
});
export type CLOCK_FORM = TypeOf<typeof CLOCK_FORM>;

/**
 * How the image was written that a running TPM's state was read from, as far as a TPM has no use for it. The companion of
 * `IMAGE_FORM`, and gone with the TPM's power.
 */
export const VOLATILE_FORM = struct("volatile form", {
  headers: HEADERS,
  drbgState: DRBG_STATE,
  powerWasLost: TPMI_YES_NO,
  nvOk: TPMI_YES_NO,
  unused: TPM2B_AUTH,
  manufactured: TPMI_YES_NO,
  lastCommand: LAST_COMMAND,
  lockoutTimers: optional(buffer("lockout timers", { max: 0xffff })),
  nvEnd: UINT32,
  ramRest: buffer("rest of the RAM", { max: NATIVE_RAM_SIZE }),
  /** What is left of the attributes in empty slots. */
  slotAttributes: list("slot attributes", UINT32, { max: 0xff }),
  /** Handles of RSA keys of which libtpms has not worked out the private exponent yet. */
  withoutExponent: list("keys without exponent", UINT32, { max: 0xff }),
  /** Slots of the sessions that libtpms has marked for the last command. */
  includeAuth: list("sessions of the last command", UINT8, { max: 0xff }),
  failure: FAILURE,
  timerStopped: TPMI_YES_NO,
  /** How far libtpms' timer had gone ahead of TPM time. */
  timerAhead: UINT64,
  clocks: optional(CLOCK_FORM),
  excess: buffer("excess", { base: UINT32, max: 0x100000 }),
});
export type VOLATILE_FORM = TypeOf<typeof VOLATILE_FORM>;

const NO_SESSION = 0xffff;
const UNUSED_SESSION = {
  handle: 0,
  attributes: 0,
  associatedHandle: 0,
  nonceCaller: EMPTY,
  inputAuth: EMPTY,
};

/** How the state of a TPM is written that has come from no image. */
const USUAL_FORM: VOLATILE_FORM = {
  headers: [],
  drbgState: UNSEEDED,
  powerWasLost: 0,
  nvOk: 1,
  unused: EMPTY,
  manufactured: 0,
  lastCommand: {
    sessions: [UNUSED_SESSION, UNUSED_SESSION, UNUSED_SESSION],
    encryptSession: NO_SESSION,
    decryptSession: NO_SESSION,
    auditSession: NO_SESSION,
    audit: { cpHash: EMPTY },
    isDaPending: 0,
  },
  lockoutTimers: undefined,
  nvEnd: 176832,
  ramRest: EMPTY,
  slotAttributes: [],
  withoutExponent: [],
  includeAuth: [],
  failure: { place: 0, line: 0, code: 0 },
  timerStopped: 0,
  timerAhead: 0n,
  clocks: undefined,
  excess: EMPTY,
};

/** The form that a state carries along, or that of one from no image. */
export function volatileFormOf(imageForm: Bytes): VOLATILE_FORM {
  return imageForm.length === 0 ? USUAL_FORM : decode(VOLATILE_FORM, imageForm);
}

export const encodeVolatileForm = (form: VOLATILE_FORM): Bytes => encode(VOLATILE_FORM, form);
