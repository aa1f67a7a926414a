import { TPM_SU } from "../../../spec/constants.ts";
import { TPM_RH } from "../../../spec/handles.ts";
import type { Recipe, World } from "../world.ts";

/** Sees to it that the TPM is started. */
export function* started(world: World): Recipe {
  if (world.state.ram.started === 1 && world.state.ram.failed === 0) return;
  const outcome = yield* world.run("Startup", { startupType: TPM_SU.CLEAR }, { plain: true });
  if (outcome.rc !== 0) {
    yield { kind: "power", id: world.newId() };
    yield* world.run("Startup", { startupType: TPM_SU.CLEAR }, { plain: true });
  }
}

/** Ends a lockout and makes the next one rare: in a TPM locked out nothing happens. */
export function* lockedOut(world: World): Recipe {
  const { failedTries, maxTries, lockOutAuthEnabled, disableClear } = world.state.nv.persistent;
  const { phEnable, stateClear } = world.state.ram;
  const plain = { plain: true };
  if (maxTries < 5 && lockOutAuthEnabled === 1 && world.dice.chance(0.5)) {
    const input = { newMaxTries: 30, newRecoveryTime: 100, lockoutRecovery: 10 };
    yield* world.run("DictionaryAttackParameters", { lockHandle: TPM_RH.LOCKOUT, ...input }, plain);
  }
  if (failedTries >= maxTries && world.dice.chance(0.5)) {
    if (lockOutAuthEnabled === 1) yield* world.run("DictionaryAttackLockReset", { lockHandle: TPM_RH.LOCKOUT }, plain);
  }
  if (lockOutAuthEnabled === 0 && phEnable === 1 && world.dice.chance(0.1)) {
    if (disableClear === 1) yield* world.run("ClearControl", { auth: TPM_RH.PLATFORM, disable: 0 }, plain);
    yield* world.run("Clear", { authHandle: TPM_RH.PLATFORM }, plain);
  }
  for (const [enable, isOff] of [
    [TPM_RH.OWNER, stateClear.shEnable === 0],
    [TPM_RH.ENDORSEMENT, stateClear.ehEnable === 0],
  ] as const) {
    if (isOff && phEnable === 1 && world.dice.chance(0.3)) {
      yield* world.run("HierarchyControl", { authHandle: TPM_RH.PLATFORM, enable, state: 1 }, plain);
    }
  }
}
