import type { RAM_STATE } from "@vtpm/tpm2/state";
import type { CLOCK_FORM } from "./volatile-form.ts";
import type { VOLATILE_STATE } from "./volatile-state.ts";

/** The clocks of the platform. */
export interface Clocks {
  /** Never runs backwards; its origin means nothing: the clock that drives the TPM. */
  readonly monotonicMs: bigint;
  /** Since 1970. */
  readonly wallClockMs: bigint;
}

/** What of a TPM's RAM depends on the platform's clocks. */
type Timer = Pick<RAM_STATE, "timerLast" | "time">;

const modulo64 = (value: bigint): bigint => BigInt.asUintN(64, value);

/** Since this version the clocks of a writer are told apart; before, all of them were the wall clock. */
const FIRST_WITH_MONOTONIC_TIME = 4;

// libtpms' timer reports a time that goes on while the TPM is suspended: from `lastReportedTime`, by as much as its clock
// (monotonic, moved by an offset and by the time away) is past `lastSystemTime`. What it reports beyond `realTimePrevious`
// has not reached TPM time yet.

/** TPM time goes on where it was, and the time since the state was written counts too. */
export function clocksFromImage(
  state: VOLATILE_STATE,
  { monotonicMs, wallClockMs }: Clocks,
): { readonly timer: Timer; readonly clocks: CLOCK_FORM; readonly timerAhead: bigint } {
  const { version, time, timer, wallClock } = state;
  const away = wallClockMs > wallClock ? wallClockMs - wallClock : 0n;
  const timerAhead = timer.tpmTime > time ? timer.tpmTime - time : 0n;
  const { monotonicTime = 0n, suspendedElapsed = 0n, lastSystemTime = 0n, lastReportedTime = 0n } = state;
  const told = version >= FIRST_WITH_MONOTONIC_TIME;
  const reported = told ? lastReportedTime + monotonicTime + suspendedElapsed - lastSystemTime + away : wallClockMs;
  const waiting = reported - timer.realTimePrevious + timerAhead;
  return {
    timer: { time, timerLast: modulo64(monotonicMs - (waiting > 0n ? waiting : 0n)) },
    clocks: told
      ? {
          monotonicOffset: modulo64(monotonicTime - monotonicMs),
          suspendedElapsed: suspendedElapsed + away,
          lastSystemTime,
          lastReportedTime,
        }
      : {
          monotonicOffset: modulo64(wallClockMs - monotonicMs),
          suspendedElapsed: 0n,
          lastSystemTime: wallClockMs,
          lastReportedTime: wallClockMs,
        },
    timerAhead,
  };
}

/** The fields that tell a libtpms where TPM time is. */
export function clocksToImage(
  { time, timerLast }: Timer,
  { monotonicMs, wallClockMs }: Clocks,
  form: CLOCK_FORM | undefined,
  timerAhead: bigint,
): Pick<
  VOLATILE_STATE,
  "time" | "timer" | "wallClock" | "monotonicTime" | "suspendedElapsed" | "lastSystemTime" | "lastReportedTime"
> {
  // A timer that has not run yet starts at this moment.
  const clocks = form ?? {
    monotonicOffset: 0n,
    suspendedElapsed: 0n,
    lastSystemTime: monotonicMs,
    lastReportedTime: monotonicMs,
  };
  const monotonicTime = modulo64(monotonicMs + clocks.monotonicOffset);
  const { suspendedElapsed, lastSystemTime, lastReportedTime } = clocks;
  const waiting = BigInt.asIntN(64, monotonicMs - timerLast);
  const ahead = waiting < timerAhead ? 0n : timerAhead;
  const reported = lastReportedTime + monotonicTime + suspendedElapsed - lastSystemTime;
  return {
    time,
    timer: { realTimePrevious: modulo64(reported - waiting + ahead), tpmTime: time + ahead },
    wallClock: wallClockMs,
    monotonicTime,
    suspendedElapsed,
    lastSystemTime,
    lastReportedTime,
  };
}
