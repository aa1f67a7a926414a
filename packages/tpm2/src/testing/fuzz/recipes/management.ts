import { EMPTY } from "@vtpm/wire";
import { TPM_CC } from "../../../spec/command-codes.ts";
import { TPM_ALG, TPM_CAP, TPM_CLOCK_ADJUST, TPM_SU } from "../../../spec/constants.ts";
import { HANDLE, TPM_RH } from "../../../spec/handles.ts";
import { digestSizeOf } from "../../../subsystems/hash-algorithms.ts";
import type { Step } from "../plan.ts";
import type { Recipe, World } from "../world.ts";
import { pcrSelection } from "./objects.ts";
import type { NamedRecipe } from "./recipe.ts";
import { COMMON_POLICY } from "./sessions.ts";

const HIERARCHIES = [TPM_RH.OWNER, TPM_RH.ENDORSEMENT, TPM_RH.PLATFORM, TPM_RH.LOCKOUT] as const;

function* pcr(world: World): Recipe {
  const { dice } = world;
  const pcrHandle = dice.pick([0, 1, 7, 10, 16, 17, 20, 21, 22, 23]);
  const locality = pcrHandle >= 17 && pcrHandle <= 22 ? dice.below(5) : 0;
  switch (dice.below(6)) {
    case 0:
      yield* world.run("PCR_Read", { pcrSelectionIn: pcrSelection(world) });
      return;
    case 1:
    case 2: {
      const banks = world.profile.pcrBanks.filter(() => dice.chance(0.5));
      const digests = banks.map((hashAlg) => ({ hashAlg, digest: dice.bytes(digestSizeOf(hashAlg)) }));
      yield* world.run("PCR_Extend", { pcrHandle, digests }, { locality });
      return;
    }
    case 3:
      yield* world.run("PCR_Event", { pcrHandle, eventData: dice.bytes(dice.pick([0, 10, 200])) }, { locality });
      return;
    case 4:
      yield* world.run("PCR_Reset", { pcrHandle: dice.pick([16, 23, 20, 21, 0]) }, { locality });
      return;
    default:
      yield* world.run(
        "PCR_SetAuthValue",
        { pcrHandle: dice.pick([20, 21, 22, 1]), auth: dice.bytes(4) },
        { locality },
      );
  }
}

function* pcrPlatform(world: World): Recipe {
  const { dice } = world;
  if (dice.chance(0.5)) {
    const [hashAlg, authPolicy] = dice.chance(0.5) ? [TPM_ALG.NULL, EMPTY] : [TPM_ALG.SHA256, dice.bytes(32)];
    const pcrNum = dice.pick([20, 21, 22, 3]);
    yield* world.run("PCR_SetAuthPolicy", { authHandle: TPM_RH.PLATFORM, authPolicy, hashAlg, pcrNum });
    return;
  }
  const all = Uint8Array.of(255, 255, 255);
  const none = new Uint8Array(3);
  const pcrAllocation = world.profile.pcrBanks
    .filter(() => dice.chance(0.6))
    .map((hash) => ({
      hash,
      pcrSelect: hash === TPM_ALG.SHA256 || dice.chance(0.7) ? all : none,
    }));
  yield* world.run("PCR_Allocate", { authHandle: TPM_RH.PLATFORM, pcrAllocation });
}

function* changeAuth(world: World): Recipe {
  const { dice } = world;
  const authHandle = dice.pick(HIERARCHIES);
  const newAuth = dice.chance(0.5) ? EMPTY : dice.bytes(dice.pick([1, 5, 20]));
  yield* world.run("HierarchyChangeAuth", { authHandle, newAuth });
}

function* primaryPolicy(world: World): Recipe {
  const { dice } = world;
  const isSet = dice.chance(0.6);
  const authPolicy = isSet ? COMMON_POLICY : EMPTY;
  const hashAlg = isSet ? TPM_ALG.SHA256 : TPM_ALG.NULL;
  yield* world.run("SetPrimaryPolicy", { authHandle: dice.pick(HIERARCHIES), authPolicy, hashAlg });
}

/** What turns a TPM upside down, and what turns it back. */
function* upheaval(world: World): Recipe {
  const { dice } = world;
  switch (dice.below(6)) {
    case 0:
      yield* world.run("Clear", { authHandle: dice.pick([TPM_RH.LOCKOUT, TPM_RH.PLATFORM]) });
      return;
    case 1:
      yield* world.run("ChangeEPS", { authHandle: TPM_RH.PLATFORM });
      return;
    case 2:
      yield* world.run("ChangePPS", { authHandle: TPM_RH.PLATFORM });
      return;
    default: {
      const disable = dice.chance(0.3) ? 1 : 0;
      yield* world.run("ClearControl", { auth: disable === 1 ? TPM_RH.LOCKOUT : TPM_RH.PLATFORM, disable });
    }
  }
}

function* hierarchyControl(world: World): Recipe {
  const { dice } = world;
  const { shEnable, ehEnable, phEnableNV } = world.state.ram.stateClear;
  const off = [
    ...(shEnable === 0 ? [TPM_RH.OWNER] : []),
    ...(ehEnable === 0 ? [TPM_RH.ENDORSEMENT] : []),
    ...(phEnableNV === 0 ? [TPM_RH.PLATFORM_NV] : []),
  ];
  const enable = dice.maybe(off) ?? dice.pick([TPM_RH.OWNER, TPM_RH.ENDORSEMENT, TPM_RH.PLATFORM_NV]);
  const state = off.length > 0 ? 1 : 0;
  yield* world.run("HierarchyControl", { authHandle: TPM_RH.PLATFORM, enable, state });
}

function* lockout(world: World): Recipe {
  const { dice } = world;
  const lockHandle = TPM_RH.LOCKOUT;
  if (dice.chance(0.6)) yield* world.run("DictionaryAttackLockReset", { lockHandle });
  else {
    // Where time cannot be stopped, it must not matter.
    const times = world.ownsClock ? [0, 1, 10, 1000] : [0, 100_000];
    yield* world.run("DictionaryAttackParameters", {
      lockHandle,
      newMaxTries: dice.pick([0, 3, 20, 1000]),
      newRecoveryTime: dice.pick(times),
      lockoutRecovery: dice.pick(times),
    });
  }
}

function* clock(world: World): Recipe {
  const { dice } = world;
  const auth = dice.pick([TPM_RH.OWNER, TPM_RH.PLATFORM]);
  if (dice.chance(0.4)) {
    yield* world.run("ReadClock");
  } else if (dice.chance(0.5)) {
    const steps = world.ownsClock ? [-1, 0, 1, 5000, 100_000] : [-100_000, 100_000];
    const newTime = world.state.ram.orderly.clock + BigInt(dice.pick(steps));
    yield* world.run("ClockSet", { auth, newTime: newTime < 0n ? 0n : newTime });
  } else {
    yield* world.run("ClockRateAdjust", { auth, rateAdjust: dice.pick(Object.values(TPM_CLOCK_ADJUST)) });
  }
}

function* capability(world: World): Recipe {
  const { dice } = world;
  const [capability_, property] = dice.pick([
    [TPM_CAP.ALGS, dice.below(70)],
    [TPM_CAP.HANDLES, HANDLE.PCR_FIRST],
    [TPM_CAP.HANDLES, HANDLE.NV_INDEX_FIRST],
    [TPM_CAP.HANDLES, HANDLE.HMAC_SESSION_FIRST],
    [TPM_CAP.HANDLES, HANDLE.POLICY_SESSION_FIRST],
    [TPM_CAP.HANDLES, HANDLE.PERMANENT_FIRST],
    [TPM_CAP.HANDLES, HANDLE.TRANSIENT_FIRST],
    [TPM_CAP.HANDLES, HANDLE.PERSISTENT_FIRST],
    [TPM_CAP.HANDLES, dice.below(256) * 2 ** 24],
    [TPM_CAP.COMMANDS, 0x11f + dice.below(140)],
    [TPM_CAP.PP_COMMANDS, 0x11f],
    [TPM_CAP.AUDIT_COMMANDS, 0x11f],
    [TPM_CAP.PCRS, dice.below(2)],
    [TPM_CAP.TPM_PROPERTIES, dice.pick([0x100, 0x200, 0x100 + dice.below(64), 0x200 + dice.below(64)])],
    [TPM_CAP.PCR_PROPERTIES, dice.below(24)],
    [TPM_CAP.ECC_CURVES, dice.below(0x24)],
    [TPM_CAP.AUTH_POLICIES, TPM_RH.OWNER],
    [TPM_CAP.ACT, TPM_RH.ACT_0],
    [dice.below(0x102), 0],
  ]);
  yield* world.run("GetCapability", {
    capability: capability_,
    property,
    propertyCount: dice.pick([0, 1, 3, 64, 1000]),
  });
}

function* audit(world: World): Recipe {
  const { dice } = world;
  const auth = dice.pick([TPM_RH.OWNER, TPM_RH.PLATFORM]);
  const codes = Array.from({ length: dice.below(3) }, () => dice.pick([...world.commands.keys()]));
  // Either the algorithm or the lists may change, not both.
  const input =
    dice.chance(0.3) && codes.length > 0
      ? { auditAlg: dice.pick([TPM_ALG.SHA256, TPM_ALG.SHA1, TPM_ALG.SHA512]), setList: [], clearList: [] }
      : { auditAlg: TPM_ALG.NULL, setList: dice.chance(0.6) ? codes : [], clearList: dice.chance(0.3) ? codes : [] };
  yield* world.run("SetCommandCodeAuditStatus", { auth, ...input });
}

function* physicalPresence(world: World): Recipe {
  const { dice } = world;
  const button: Step = { kind: "presence", id: world.newId(), on: dice.chance(0.7) };
  yield button;
  const codes = [TPM_CC.Clear, TPM_CC.ClearControl, TPM_CC.PCR_Allocate, TPM_CC.NV_GlobalWriteLock, TPM_CC.Hash];
  const setList = dice.chance(0.3) ? [dice.pick(codes)] : [];
  const clearList = dice.chance(0.6) ? codes.slice(0, 4) : [];
  yield* world.run("PP_Commands", { auth: TPM_RH.PLATFORM, setList, clearList });
  if (dice.chance(0.3)) yield { kind: "presence", id: world.newId(), on: false };
}

function* selfTest(world: World): Recipe {
  const { dice } = world;
  switch (dice.below(4)) {
    case 0:
      yield* world.run("SelfTest", { fullTest: dice.below(2) });
      return;
    case 1:
      yield* world.run("IncrementalSelfTest", { toTest: dice.chance(0.5) ? [] : [TPM_ALG.SHA256, TPM_ALG.AES] });
      return;
    case 2:
      yield* world.run("GetTestResult");
      return;
    default:
      yield* world.run("SetAlgorithmSet", { authHandle: TPM_RH.PLATFORM, algorithmSet: dice.below(3) });
  }
}

/** Power off and on, with or without TPM2_Shutdown, and TPM2_Startup that fits or does not. */
export function* powerCycle(world: World): Recipe {
  const { dice } = world;
  const plain = { plain: true };
  const locality = dice.chance(0.05) ? 3 : 0;
  const shutdown = dice.pick([TPM_SU.CLEAR, TPM_SU.STATE, undefined]);
  if (shutdown !== undefined) yield* world.run("Shutdown", { shutdownType: shutdown }, plain);
  if (shutdown !== undefined && dice.chance(0.2)) yield* world.run("ReadClock", {}, plain);
  yield { kind: "power", id: world.newId() };
  if (dice.chance(0.1)) yield* drtm(world);
  if (dice.chance(0.1)) yield* world.run("GetRandom", { bytesRequested: 4 }, plain);
  const startupType = dice.chance(0.9) && shutdown !== undefined ? dice.pick([shutdown, TPM_SU.CLEAR]) : TPM_SU.CLEAR;
  const first = yield* world.run("Startup", { startupType }, { plain: true, locality });
  if (first.rc !== 0) yield* world.run("Startup", { startupType: TPM_SU.CLEAR }, plain);
}

function* uselessPower(world: World): Recipe {
  const { dice } = world;
  if (dice.chance(0.5)) yield* world.run("Startup", { startupType: TPM_SU.CLEAR });
  else yield* world.run("Shutdown", { shutdownType: dice.pick([TPM_SU.CLEAR, TPM_SU.STATE]) });
}

function* drtm(world: World): Recipe {
  const { dice } = world;
  yield { kind: "hashStart", id: world.newId() };
  const interrupted = dice.chance(0.2);
  for (let i = dice.below(3); i > 0; i--) {
    yield { kind: "hashData", id: world.newId(), data: dice.bytes(dice.pick([1, 64, 200])) };
    if (interrupted) yield* world.run("ReadClock", {}, { plain: true });
  }
  if (dice.chance(0.9)) yield { kind: "hashEnd", id: world.newId() };
}

function* time(world: World): Recipe {
  const { dice } = world;
  yield { kind: "time", id: world.newId(), ms: dice.pick([1, 100, 4096, 60_000, 3_600_000]) };
}

/** Everything about the TPM as a whole. */
export const MANAGEMENT_RECIPES: readonly NamedRecipe[] = [
  { name: "PCRs", weight: 8, steps: pcr },
  { name: "PCRs by the platform", weight: 1, steps: pcrPlatform },
  { name: "change a hierarchy's authValue", weight: 3, steps: changeAuth },
  { name: "set a hierarchy's policy", weight: 2, steps: primaryPolicy },
  { name: "clear and change seeds", weight: 1, steps: upheaval },
  { name: "switch a hierarchy", weight: 1.5, steps: hierarchyControl },
  { name: "dictionary attack parameters", weight: 2, steps: lockout },
  { name: "clock", weight: 3, steps: clock },
  { name: "capabilities", weight: 4, steps: capability },
  { name: "command audit", weight: 2, steps: audit },
  { name: "physical presence", weight: 1, steps: physicalPresence },
  { name: "self test", weight: 2, steps: selfTest },
  { name: "power cycle", weight: 1.5, steps: powerCycle },
  { name: "startup or shutdown out of turn", weight: 0.5, steps: uselessPower },
];

/** What only a TPM with a clock moved by hand, and with no other client, can be asked to repeat. */
export const PLATFORM_RECIPES: readonly NamedRecipe[] = [
  { name: "time passes", weight: 2, steps: time },
  { name: "dynamic measurement", weight: 1, steps: drtm },
];
