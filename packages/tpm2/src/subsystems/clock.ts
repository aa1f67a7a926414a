import type { Engine } from "../engine.ts";
import { isOrderly, type ORDERLY_DATA } from "../state/data.ts";
import { poweredOff } from "../state/powered-off.ts";

/** Clock reaches NV only when it passes a multiple of this many milliseconds: 2^12. */
const CLOCK_UPDATE_MS = 4096n;

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
    tpm.state = poweredOff(tpm.state.nv);
    tpm.changeRam({ timerLast: now });
  }

  /** Brings Time and Clock up to now; does nothing before TPM2_Startup. */
  update(): void {
    if (this.#tpm.ram.started === 0) return;
    this.advance();
  }

  /** The same, started or not. */
  advance(): void {
    const tpm = this.#tpm;
    const now = BigInt(Math.floor(tpm.platform.now()));
    const passed = now - tpm.ram.timerLast;
    if (passed > 0n) {
      tpm.changeRam({ timerLast: now, time: tpm.ram.time + passed });
      this.set(tpm.orderly.clock + passed);
    }
    tpm.lockout.selfHeal();
  }

  /** Sets Clock; when it passes an update interval it is also what NV holds, and therefore safe. */
  set(clock: bigint): void {
    const tpm = this.#tpm;
    const passes = clock / CLOCK_UPDATE_MS > tpm.orderly.clock / CLOCK_UPDATE_MS;
    tpm.changeOrderly(passes ? { clock, clockSafe: 1 } : { clock });
  }

  /** What NV must hold of Clock: the running value if it has passed an update interval since it was stored. */
  toStore(): ORDERLY_DATA | undefined {
    const { orderly, nv } = { orderly: this.#tpm.orderly, nv: this.#tpm.state.nv };
    return orderly.clock / CLOCK_UPDATE_MS > nv.orderly.clock / CLOCK_UPDATE_MS ? orderly : undefined;
  }

  /** At Startup: after an unorderly stop Clock may have been reported with a larger value before. */
  startup(): void {
    if (!isOrderly(this.#tpm.persistent.orderlyState)) this.#tpm.changeOrderly({ clockSafe: 0 });
  }
}
