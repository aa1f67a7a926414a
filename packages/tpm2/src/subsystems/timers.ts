import { EMPTY } from "@vtpm/wire";
import type { Engine } from "../engine.ts";
import { TPMA_ACT } from "../spec/attributes.ts";
import { NO, TPM_ALG, YES } from "../spec/constants.ts";
import { TPM_RH } from "../spec/handles.ts";
import type { TPMS_ACT_DATA } from "../spec/structures/index.ts";
import { type COUNTDOWN, type EXTENSION, NO_EXTENSION } from "../state/extension.ts";
import type { StartupKind } from "../state/startup-kind.ts";
import type { AuthPolicy } from "./entities.ts";

/** The timeout that stops a timer, and that a stopped one tells. */
export const STOPPED = 0xffffffff;
const MS_PER_SECOND = 1000n;

const IDLE: COUNTDOWN = {
  hashAlg: TPM_ALG.NULL,
  authPolicy: EMPTY,
  deadline: 0n,
  remaining: 0,
  signaled: NO,
  updated: NO,
};

/**
 * Authenticated countdown timers: how many there are, says the profile. Nothing ticks: a timer is a moment of TPM time,
 * and has ended once that has come.
 *
 * @spec Part 1, "Authenticated Timers"
 */
export class Timers {
  readonly #tpm: Engine;

  constructor(tpm: Engine) {
    this.#tpm = tpm;
  }

  /** The handles of the timers, ascending. */
  handles(): number[] {
    return Array.from({ length: this.#tpm.profile.limit("ACT_HANDLES") }, (_, i) => TPM_RH.ACT_0 + i);
  }

  isTimer(handle: number): boolean {
    return handle >= TPM_RH.ACT_0 && handle < TPM_RH.ACT_0 + this.#tpm.profile.limit("ACT_HANDLES");
  }

  #get(handle: number): COUNTDOWN {
    return this.#tpm.ram.extension.timers.get(handle) ?? IDLE;
  }

  #change(handle: number, changes: Partial<COUNTDOWN>): void {
    const { extension } = this.#tpm.ram;
    const timers = new Map(extension.timers).set(handle, { ...this.#get(handle), ...changes });
    this.#tpm.changeRam({ extension: { ...extension, timers } });
  }

  /** Whether the timer has run out and nobody has set it again. */
  isSignaled(handle: number): boolean {
    return this.#isSignaled(this.#get(handle));
  }

  #isSignaled({ signaled, deadline }: COUNTDOWN): boolean {
    return signaled === YES || (deadline !== 0n && deadline <= this.#tpm.ram.time);
  }

  /** Seconds until the timer runs out. */
  #remaining({ deadline, remaining }: COUNTDOWN): number {
    if (deadline === 0n) return remaining;
    const left = deadline - this.#tpm.ram.time;
    return left <= 0n ? 0 : Number((left + MS_PER_SECOND - 1n) / MS_PER_SECOND);
  }

  /** Sets the timer; with zero a running one ends now, with `STOPPED` it stops and tells nothing more. */
  set(handle: number, seconds: number): void {
    const timer = this.#get(handle);
    this.#tpm.clearOrderly();
    if (seconds === STOPPED) {
      this.#change(handle, { deadline: 0n, remaining: STOPPED, signaled: NO, updated: YES });
    } else if (seconds > 0) {
      this.#change(handle, { deadline: this.#in(seconds), remaining: 0, signaled: NO, updated: YES });
    } else {
      const ends = this.#isSignaled(timer) || this.#remaining(timer) > 0;
      this.#change(handle, { deadline: 0n, remaining: 0, signaled: ends ? YES : NO, updated: YES });
    }
  }

  #in(seconds: number): bigint {
    return this.#tpm.ram.time + BigInt(seconds) * MS_PER_SECOND;
  }

  policyOf(handle: number): AuthPolicy {
    const { hashAlg, authPolicy } = this.#get(handle);
    return { hashAlg, policy: authPolicy };
  }

  setPolicy(handle: number, { hashAlg, policy }: AuthPolicy): void {
    this.#tpm.clearOrderly();
    this.#change(handle, { hashAlg, authPolicy: policy });
  }

  /** TPM_CAP_ACT from a handle on. */
  list(first: number): TPMS_ACT_DATA[] {
    return this.handles()
      .filter((handle) => handle >= first)
      .map((handle) => {
        const timer = this.#get(handle);
        const attributes = TPMA_ACT.of({ signaled: this.#isSignaled(timer) });
        return { handle, timeout: this.#remaining(timer), attributes };
      });
  }

  /** What a Shutdown(STATE) keeps; `undefined`: there is nothing but what every TPM starts with. */
  saved(): EXTENSION | undefined {
    const { readOnly, timers } = this.#tpm.ram.extension;
    if (readOnly === NO && timers.size === 0) return undefined;
    const kept = new Map<number, COUNTDOWN>();
    for (const [handle, timer] of timers) {
      const left = this.#remaining(timer);
      // Otherwise saving at once after every start would make a timer last for ever.
      const halved = timer.updated === NO && left !== STOPPED && left > 1;
      const remaining = halved ? Math.floor(left / 2) : left;
      const signaled = this.#isSignaled(timer) ? YES : NO;
      kept.set(handle, { ...timer, deadline: 0n, remaining, signaled, updated: NO });
    }
    return { readOnly, timers: kept };
  }

  /** A Resume goes on with what was saved, any other Startup with nothing. */
  startup(kind: StartupKind): void {
    const tpm = this.#tpm;
    const saved = kind === "resume" ? tpm.state.nv.extension : undefined;
    const { readOnly, timers } = saved ?? NO_EXTENSION;
    const resumed = new Map<number, COUNTDOWN>();
    for (const [handle, timer] of timers) {
      const runs = timer.remaining !== 0 && timer.remaining !== STOPPED;
      resumed.set(handle, runs ? { ...timer, deadline: this.#in(timer.remaining), remaining: 0, signaled: NO } : timer);
    }
    tpm.changeRam({ extension: { readOnly, timers: resumed } });
    if (tpm.state.nv.extension !== undefined) tpm.changeNv({ extension: undefined });
  }
}
