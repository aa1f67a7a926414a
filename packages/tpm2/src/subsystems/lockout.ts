import type { SessionUse } from "../dispatch/invocation.ts";
import type { Engine } from "../engine.ts";
import { TPM_RH } from "../spec/handles.ts";
import { TPM_RC } from "../spec/response-codes.ts";
import { TpmError } from "../spec/tpm-error.ts";
import { isOrderly, ORDERLY } from "../state/data.ts";
import { type SESSION, SESSION_ATTRIBUTES } from "../state/session.ts";

const MS_PER_SECOND = 1000n;

/** How a TPM is made, and what TPM2_Clear returns to. */
export const LOCKOUT_DEFAULTS = {
  failedTries: 0,
  maxTries: 3,
  recoveryTime: 1000,
  lockoutRecovery: 1000,
  lockOutAuthEnabled: 1,
} as const;

/** Protection from dictionary attack. @spec Part 1, "Dictionary Attack Protection" */
export class Lockout {
  readonly #tpm: Engine;

  constructor(tpm: Engine) {
    this.#tpm = tpm;
  }

  /**
   * Refuses an authorization while locked out, and notes that a protected one is tried: a power cut from here on counts
   * as a failure.
   */
  check(forLockoutAuth: boolean): void {
    const tpm = this.#tpm;
    const { lockOutAuthEnabled, failedTries, maxTries } = tpm.persistent;
    if (forLockoutAuth) {
      if (lockOutAuthEnabled === 0) throw new TpmError(TPM_RC.LOCKOUT);
      return;
    }
    if (failedTries >= maxTries) throw new TpmError(TPM_RC.LOCKOUT);
    if (tpm.ram.daUsed === 0) {
      tpm.changeRam({ daUsed: 1 });
      tpm.changePersistent({ orderlyState: ORDERLY.DA_USED });
    }
  }

  /** Counts a wrong authValue, where that counts, and says how the command fails. */
  fail(associated: number | undefined, session: SESSION | undefined, { includeAuth }: SessionUse): TpmError {
    const tpm = this.#tpm;
    const has = (name: "isLockoutBound" | "isDaBound"): boolean =>
      session !== undefined && SESSION_ATTRIBUTES.has(session.attributes, name);
    const handle = has("isLockoutBound") ? TPM_RH.LOCKOUT : associated;
    const counts = has("isDaBound") || (includeAuth && handle !== undefined && !tpm.entities.isDaExempt(handle));
    if (!counts) return new TpmError(TPM_RC.BAD_AUTH);
    if (handle === TPM_RH.LOCKOUT) {
      tpm.changePersistent({ lockOutAuthEnabled: 0 });
      tpm.changeOrderly({ lockoutTimer: tpm.ram.time });
    } else {
      if (tpm.persistent.recoveryTime !== 0) {
        tpm.changePersistent({ failedTries: tpm.persistent.failedTries + 1 });
      }
      tpm.changeOrderly({ selfHealTimer: tpm.ram.time });
    }
    return new TpmError(TPM_RC.AUTH_FAIL);
  }

  /** At Startup: an unorderly stop after a protected authorization counts as a failure. */
  startup(): void {
    const tpm = this.#tpm;
    const orderly = isOrderly(tpm.ram.prevOrderlyState);
    if (tpm.ram.timerWasReset === 1) {
      const { selfHealTimer, lockoutTimer, time } = tpm.orderly;
      // The saved timers refer to the TPM time of the stop; now that has started at zero again.
      const shifted = (timer: bigint): bigint => (orderly ? BigInt.asUintN(64, timer - time) : 0n);
      tpm.changeOrderly({ selfHealTimer: shifted(selfHealTimer), lockoutTimer: shifted(lockoutTimer) });
      tpm.changeRam({ timerWasReset: 0 });
    }
    const { lockoutRecovery, recoveryTime, failedTries, maxTries, lockOutAuthEnabled } = tpm.persistent;
    if (lockoutRecovery === 0 && lockOutAuthEnabled === 0) tpm.changePersistent({ lockOutAuthEnabled: 1 });
    if (recoveryTime !== 0 && failedTries < maxTries && !orderly && tpm.ram.daUsed === 1) {
      tpm.changePersistent({ failedTries: failedTries + 1 });
      tpm.changeRam({ daUsed: 0 });
    }
  }

  /** Takes back failures for the time that has passed. @spec Part 1, "Self-Healing" */
  selfHeal(): void {
    const tpm = this.#tpm;
    const { failedTries, recoveryTime, lockOutAuthEnabled, lockoutRecovery } = tpm.persistent;
    const { time } = tpm.ram;
    if (failedTries !== 0) {
      if (recoveryTime === 0) {
        tpm.changePersistent({ failedTries: 0 });
      } else {
        const { selfHealTimer } = tpm.orderly;
        const steps = elapsed(time, selfHealTimer) / MS_PER_SECOND / BigInt(recoveryTime);
        if (steps > 0n) {
          const left = BigInt(failedTries) - steps;
          tpm.changePersistent({ failedTries: left > 0n ? Number(left) : 0 });
          const healedUntil = selfHealTimer + steps * BigInt(recoveryTime) * MS_PER_SECOND;
          tpm.changeOrderly({ selfHealTimer: BigInt.asUintN(64, healedUntil) });
        }
      }
    }
    if (lockOutAuthEnabled === 0 && lockoutRecovery !== 0) {
      const waited = elapsed(time, tpm.orderly.lockoutTimer) / MS_PER_SECOND;
      if (waited >= BigInt(lockoutRecovery)) tpm.changePersistent({ lockOutAuthEnabled: 1 });
    }
  }
}

/** Milliseconds from `since` to `time`; a timer may lie before the TPM's start, as a number modulo 2^64. */
function elapsed(time: bigint, since: bigint): bigint {
  return BigInt.asUintN(64, time - since);
}
