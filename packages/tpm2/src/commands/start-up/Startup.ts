import { defineCommand } from "../../dispatch/command.ts";
import type { Engine } from "../../engine.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_SU } from "../../spec/constants.ts";
import { TPM_RC } from "../../spec/response-codes.ts";
import { TPM_SU_ID } from "../../spec/structures/index.ts";
import { TpmError } from "../../spec/tpm-error.ts";
import { isOrderly, ORDERLY } from "../../state/data.ts";
import type { StartupKind } from "../../state/startup-kind.ts";

const FLAGS = [ORDERLY.PRE_STARTUP, ORDERLY.STARTUP_LOCALITY_3] as const;

/** How the TPM was stopped, taken apart. */
function previousStop(orderlyState: number): {
  stop: number;
  daUsed: boolean;
  preStartup: boolean;
  locality3: boolean;
} {
  const daUsed = orderlyState === ORDERLY.DA_USED;
  if (!isOrderly(orderlyState)) return { stop: ORDERLY.NONE, daUsed, preStartup: false, locality3: false };
  const [preStartup, locality3] = FLAGS.map((flag) => Math.floor(orderlyState / flag) % 2 === 1);
  const stop = orderlyState % ORDERLY.STARTUP_LOCALITY_3;
  return { stop, daUsed, preStartup: preStartup === true, locality3: locality3 === true };
}

/**
 * Makes the TPM ready after _TPM_Init: as it was before Shutdown(STATE), or with more or less of it forgotten.
 *
 * @spec Part 3, "TPM2_Startup"
 * @rc LOCALITY             sent from a locality that may not, or from another than before a Shutdown(STATE)
 * @rc VALUE (startupType)  STATE without a Shutdown(STATE), or with another root of trust measured than before it
 */
export const Startup = defineCommand({
  code: TPM_CC.Startup,
  parameters: { startupType: TPM_SU_ID },
  nv: true,
  noSessions: true,
  execute(tpm, { startupType }, at) {
    if (tpm.locality !== 0 && tpm.locality !== 3) throw new TpmError(TPM_RC.LOCALITY);
    const measured = tpm.ram.drtmPreStartup === 1;
    const locality = measured ? 0 : tpm.locality;
    const before = previousStop(tpm.persistent.orderlyState);
    if (startupType === TPM_SU.STATE) {
      if (before.stop !== TPM_SU.STATE) throw at("startupType", TPM_RC.VALUE);
      if (before.preStartup !== measured) throw at("startupType", TPM_RC.VALUE);
      if (before.locality3 !== (locality === 3)) throw new TpmError(TPM_RC.LOCALITY);
    }
    tpm.changeRam({
      startupLocality3: locality === 3 ? 1 : 0,
      daUsed: before.daUsed ? 1 : 0,
      prevOrderlyState: before.stop,
    });
    const resumable = before.stop === TPM_SU.STATE;
    const kind: StartupKind = !resumable ? "reset" : startupType === TPM_SU.STATE ? "resume" : "restart";
    start(tpm, kind, locality);
  },
});

/**
 * libtpms forgets the level of the null seed at a Shutdown(STATE), and searches for primes in the NULL hierarchy afterwards as it did
 * before it had levels.
 */
const RESUMED_NULL_SEED_LEVEL = 0;

/** The order of the subsystems is the reference's. */
function start(tpm: Engine, kind: StartupKind, locality: number): void {
  const { stateReset, stateClear } = tpm.state.nv;
  if (kind !== "reset" && stateReset !== undefined) {
    tpm.changeRam({ stateReset: { ...stateReset, nullSeedCompatLevel: RESUMED_NULL_SEED_LEVEL } });
  }
  if (kind === "resume" && stateClear !== undefined) tpm.changeRam({ stateClear });
  if (kind === "reset") {
    tpm.changeStateReset({
      commitNonce: tpm.hierarchies.newSecret(),
      commitCounter: 0n,
      commitArray: new Uint8Array(16),
    });
  }
  tpm.changeRam({ started: 1 });
  tpm.clock.startup();
  tpm.lockout.startup();
  tpm.clock.advance();
  tpm.hierarchies.startup(kind);
  tpm.timers.startup(kind);
  tpm.pcr.startup(kind, locality);
  tpm.audit.startup(kind);
  countStart(tpm, kind);
  tpm.sessions.startup(kind === "reset");
  tpm.objects.startup();
  tpm.nv.startup(kind);
  tpm.changePersistent({ orderlyState: ORDERLY.NONE });
  // What has been resumed must not be resumed again.
  if (stateReset !== undefined || stateClear !== undefined) {
    tpm.changeNv({ stateReset: undefined, stateClear: undefined });
  }
}

/** The counters that tell one start from another. */
function countStart(tpm: Engine, kind: StartupKind): void {
  const { clearCount, restartCount } = tpm.stateReset;
  if (kind === "reset") {
    const { resetCount, totalResetCount } = tpm.persistent;
    tpm.changeStateReset({ objectContextID: 0n, clearCount: 0, restartCount: 0 });
    tpm.changePersistent({
      resetCount: (resetCount + 1) % 2 ** 32,
      totalResetCount: BigInt.asUintN(64, totalResetCount + 1n),
    });
    return;
  }
  tpm.changeStateReset({ restartCount: (restartCount + 1) % 2 ** 32 });
  if (kind === "restart") tpm.changeStateReset({ clearCount: (clearCount + 1) % 2 ** 32 });
}
