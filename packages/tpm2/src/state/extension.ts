import { struct, type TypeOf, table, UINT16, UINT32, UINT64 } from "@vtpm/wire";
import { TPM2B_DIGEST, TPMI_YES_NO } from "../spec/structures/index.ts";

/** An authenticated countdown timer. */
export const COUNTDOWN = struct("COUNTDOWN", {
  hashAlg: UINT16,
  authPolicy: TPM2B_DIGEST,
  /** Milliseconds of TPM time at which it ends, 0: it does not run. */
  deadline: UINT64,
  /** Seconds that it tells while it does not run, or that were left when the TPM was shut down. */
  remaining: UINT32,
  signaled: TPMI_YES_NO,
  /** Whether it was set since Startup: then what is left is kept at shutdown, else only half of it. */
  updated: TPMI_YES_NO,
});
export type COUNTDOWN = TypeOf<typeof COUNTDOWN>;

/**
 * What only profile `latest` has, and libtpms' layouts no place for. Forgotten by a TPM Restart, like the state clear
 * data; stored, if there is any, with TPM2_Shutdown(STATE).
 */
export const EXTENSION = struct("EXTENSION", {
  readOnly: TPMI_YES_NO,
  /** By handle; one that was never set has no entry. */
  timers: table("timers", UINT32, COUNTDOWN),
});
export type EXTENSION = TypeOf<typeof EXTENSION>;

export const NO_EXTENSION: EXTENSION = { readOnly: 0, timers: new Map() };
