import type { Engine } from "../engine.ts";
import type { TPMS_CLOCK_INFO, TPMS_TIME_INFO } from "../spec/structures/index.ts";
import { isOrderly, type ORDERLY_DATA } from "../state/data.ts";
import { poweredOff } from "../state/powered-off.ts";

/** Clock reaches NV only when it passes a multiple of this many milliseconds: 2^12. */
const CLOCK_UPDATE_MS = 4096n;

/** Steps of the oscillator for 30 ms, as libtpms counts them: the larger, the slower goes Time. */
const NOMINAL_RATE = 30000n;
const RATE_LIMIT = 5000;

/** Time and Clock. @spec Part 1, "Timing Components" */
export class Clock {
  readonly #tpm: Engine;

  constructor(tpm: Engine) {
    this.#tpm = tpm;
  }

  /** _TPM_Init: everything in RAM is gone, and TPM time starts at zero. */
  powerOn(): void {
    const tpm = this.#tpm;
    const now = BigInt(Math.floor(tpm.platform.now()));
    // What the platform has been told of a D-RTM stays until the platform itself clears it.
    const { established } = tpm.ram;
    tpm.state = poweredOff(tpm.state.nv);
    tpm.changeRam({ timerLast: now, established });
  }

  /** Brings Time and Clock up to now; does nothing before TPM2_Startup. */
  update(): void {
    if (this.#tpm.ram.started === 0) return;
    this.advance();
  }

  /** The same, started or not. */
  advance(): void {
    const tpm = this.#tpm;
    const { timerLast, time } = tpm.ram;
    const rate = BigInt(tpm.ram.clockRate);
    const passed = BigInt.asIntN(64, BigInt(Math.floor(tpm.platform.now())) - timerLast);
    if (passed > 0n) {
      const ticks = (passed * NOMINAL_RATE) / rate;
      // What is less than a tick counts the next time.
      const orderly = withClock(tpm.orderly, BigInt.asUintN(64, tpm.orderly.clock + ticks));
      tpm.changeRam({
        timerLast: BigInt.asUintN(64, timerLast + (ticks * rate) / NOMINAL_RATE),
        time: BigInt.asUintN(64, time + ticks),
        orderly,
      });
    }
    tpm.lockout.selfHeal();
  }

  /** Sets Clock; when it passes an update interval it is also what NV holds, and therefore safe. */
  set(clock: bigint): void {
    this.#tpm.changeRam({ orderly: withClock(this.#tpm.orderly, clock) });
  }

  /** Makes Time slower by so many steps (faster, if negative), within limits. */
  adjustRate(steps: number): void {
    const nominal = Number(NOMINAL_RATE);
    const wanted = this.#tpm.ram.clockRate + steps;
    const clockRate = Math.min(Math.max(wanted, nominal - RATE_LIMIT), nominal + RATE_LIMIT);
    this.#tpm.changeRam({ clockRate });
  }

  /**
   * Brings Clock to NV if it has passed an update interval since it was stored there. Called where NV changes anyway, so
   * that a ticking clock alone writes nothing.
   */
  storeIfDue(): void {
    const { orderly, state } = this.#tpm;
    if (orderly.clock / CLOCK_UPDATE_MS > state.nv.orderly.clock / CLOCK_UPDATE_MS) this.#tpm.changeNv({ orderly });
  }

  /** Clock and what tells whether it can be compared with an earlier one. */
  info(): TPMS_CLOCK_INFO {
    const { orderly, persistent, stateReset } = this.#tpm;
    const { resetCount } = persistent;
    return { clock: orderly.clock, resetCount, restartCount: stateReset.restartCount, safe: orderly.clockSafe };
  }

  /** Time and Clock together. */
  timeInfo(): TPMS_TIME_INFO {
    return { time: this.#tpm.ram.time, clockInfo: this.info() };
  }

  /** At Startup: Time was interrupted, and after an unorderly stop a larger Clock may have been reported before. */
  startup(): void {
    const tpm = this.#tpm;
    if (!isOrderly(tpm.ram.prevOrderlyState)) tpm.changeOrderly({ clockSafe: 0 });
    tpm.changePersistent({ timeEpoch: (tpm.persistent.timeEpoch + 1) % 2 ** 32 });
  }
}

function withClock(orderly: ORDERLY_DATA, clock: bigint): ORDERLY_DATA {
  const passes = clock / CLOCK_UPDATE_MS > orderly.clock / CLOCK_UPDATE_MS;
  return { ...orderly, clock, clockSafe: passes ? 1 : orderly.clockSafe };
}
