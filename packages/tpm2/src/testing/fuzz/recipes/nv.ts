import { EMPTY } from "@vtpm/wire";
import { TPM_CC } from "../../../spec/command-codes.ts";
import { TPM_ALG, TPM_EO } from "../../../spec/constants.ts";
import { HANDLE, TPM_HT, TPM_RH } from "../../../spec/handles.ts";
import { TPMA_NV } from "../../../spec/structures/index.ts";
import type { AuthPlan } from "../plan.ts";
import { isNv, type Recipe, type World } from "../world.ts";
import type { NamedRecipe } from "./recipe.ts";
import { byCommonPolicy, COMMON_POLICY } from "./sessions.ts";

const NT = { ORDINARY: 0, COUNTER: 1, BITS: 2, EXTEND: 4, PIN_FAIL: 8, PIN_PASS: 9 } as const;
const MOST_INDICES = 10;

const typeOf = (attributes: number): number => TPMA_NV.get(attributes, "TPM_NT");

function* define(world: World): Recipe {
  const { dice } = world;
  const indices = world.indices();
  if (indices.length >= MOST_INDICES) return;
  const type = dice.pick([NT.ORDINARY, NT.ORDINARY, NT.COUNTER, NT.BITS, NT.EXTEND, NT.PIN_FAIL, NT.PIN_PASS]);
  const byPlatform = dice.chance(0.3);
  const isPin = type === NT.PIN_FAIL || type === NT.PIN_PASS;
  const hasPolicy = dice.chance(0.4);
  const special = byPlatform && hasPolicy && dice.chance(0.4);
  const attributes = TPMA_NV.of({
    TPM_NT: type,
    OWNERWRITE: dice.chance(0.8),
    OWNERREAD: true,
    AUTHWRITE: !isPin && dice.chance(0.7),
    AUTHREAD: dice.chance(0.8),
    PPWRITE: dice.chance(0.5),
    PPREAD: dice.chance(0.5),
    POLICYWRITE: hasPolicy && dice.chance(0.6),
    POLICYREAD: hasPolicy && dice.chance(0.6),
    POLICY_DELETE: special,
    WRITEALL: dice.chance(0.1),
    WRITEDEFINE: dice.chance(0.15),
    WRITE_STCLEAR: dice.chance(0.2),
    READ_STCLEAR: dice.chance(0.2),
    GLOBALLOCK: dice.chance(0.2),
    NO_DA: isPin ? type === NT.PIN_FAIL || dice.chance(0.5) : dice.chance(0.6),
    ORDERLY: dice.chance(0.3),
    CLEAR_STCLEAR: type !== NT.COUNTER && dice.chance(0.15),
    PLATFORMCREATE: byPlatform,
  });
  const dataSize = type === NT.ORDINARY ? dice.pick([0, 1, 8, 32, 100, 300]) : type === NT.EXTEND ? 32 : 8;
  const authHandle = byPlatform ? TPM_RH.PLATFORM : TPM_RH.OWNER;
  const auth = dice.chance(0.5) ? EMPTY : dice.bytes(6);
  const number = dice.pick([0, 1, 2, 3, 4, 5, 0x500000, 0x500001, 0x800000, 0xc00002]);
  const common = {
    nameAlg: hasPolicy || dice.chance(0.8) ? TPM_ALG.SHA256 : dice.pick([TPM_ALG.SHA1, TPM_ALG.SHA384]),
    authPolicy: hasPolicy ? COMMON_POLICY : EMPTY,
    dataSize,
  };
  if (world.has("NV_DefineSpace2") && dice.chance(0.5)) {
    const nvIndex = HANDLE.EXTERNAL_NV_FIRST + number;
    const nvPublic2 = { nvIndex, ...common, attributes: { external: dice.chance(0.05) ? 1 : 0, nv: attributes } };
    yield* world.run("NV_DefineSpace2", {
      authHandle,
      auth,
      publicInfo: { handleType: TPM_HT.EXTERNAL_NV, nvPublic2 },
    });
    return;
  }
  const publicInfo = { nvIndex: HANDLE.NV_INDEX_FIRST + number, ...common, attributes };
  yield* world.run("NV_DefineSpace", { authHandle, auth, publicInfo });
}

/** Who may read or write an Index: its handle with a password or a policy, or a hierarchy. */
function* authFor(
  world: World,
  nvIndex: number,
  access: "READ" | "WRITE",
  commandCode: number,
): Recipe<{ readonly authHandle: number; readonly auth: AuthPlan | undefined }> {
  const attributes = world.nvAttributes(nvIndex);
  const ways: ("OWNER" | "PP" | "AUTH" | "POLICY")[] = (["OWNER", "PP", "AUTH", "POLICY"] as const).filter((who) =>
    isNv(attributes, `${who}${access}`),
  );
  const way = world.dice.chance(0.03) ? "AUTH" : world.dice.maybe(ways);
  if (way === "PP") return { authHandle: TPM_RH.PLATFORM, auth: undefined };
  if (way === "AUTH") return { authHandle: nvIndex, auth: undefined };
  if (way === "POLICY") return { authHandle: nvIndex, auth: yield* byCommonPolicy(world, commandCode, nvIndex) };
  return { authHandle: TPM_RH.OWNER, auth: undefined };
}

function* write(world: World): Recipe {
  const { dice } = world;
  const nvIndex = dice.maybe(world.indices());
  if (nvIndex === undefined) return yield* define(world);
  const type = typeOf(world.nvAttributes(nvIndex));
  const size = world.state.nv.indices.get(nvIndex)?.publicArea.dataSize ?? 0;
  const run = function* (name: keyof typeof TPM_CC, input: object): Recipe {
    const { authHandle, auth } = yield* authFor(world, nvIndex, "WRITE", TPM_CC[name]);
    yield* world.run(name, { authHandle, nvIndex, ...input }, { auths: [auth] });
  };
  if (type === NT.COUNTER) return yield* run("NV_Increment", {});
  if (type === NT.BITS) {
    return yield* run("NV_SetBits", { bits: dice.chance(0.1) ? 0n : 1n << BigInt(dice.below(64)) });
  }
  if (type === NT.EXTEND) return yield* run("NV_Extend", { data: dice.bytes(dice.below(40)) });
  if (type === NT.PIN_FAIL || type === NT.PIN_PASS) {
    const [count, limit] = [dice.below(4), dice.below(6)];
    return yield* run("NV_Write", { data: Uint8Array.of(0, 0, 0, count, 0, 0, 0, limit), offset: 0 });
  }
  const isWhole = isNv(world.nvAttributes(nvIndex), "WRITEALL") || dice.chance(0.5);
  const offset = isWhole ? 0 : dice.below(size + 1);
  const length = isWhole ? size : dice.below(size - offset + (dice.chance(0.05) ? 2 : 1));
  yield* run("NV_Write", { data: dice.bytes(length), offset });
}

function* read(world: World): Recipe {
  const { dice } = world;
  const nvIndex = dice.maybe(world.indices((attributes) => isNv(attributes, "WRITTEN") || dice.chance(0.1)));
  if (nvIndex === undefined) return yield* write(world);
  const size = world.state.nv.indices.get(nvIndex)?.publicArea.dataSize ?? 0;
  const offset = dice.below(size + 1);
  const { authHandle, auth } = yield* authFor(world, nvIndex, "READ", TPM_CC.NV_Read);
  const length = dice.below(size - offset + (dice.chance(0.05) ? 2 : 1));
  yield* world.run("NV_Read", { authHandle, nvIndex, size: length, offset }, { auths: [auth] });
}

function* readPublic(world: World): Recipe {
  const nvIndex = world.dice.maybe(world.indices());
  const name = world.has("NV_ReadPublic2") && world.dice.chance(0.7) ? "NV_ReadPublic2" : "NV_ReadPublic";
  if (nvIndex !== undefined) yield* world.run(name, { nvIndex });
}

function* undefine(world: World): Recipe {
  const nvIndex = world.dice.maybe(world.indices());
  if (nvIndex === undefined) return;
  const attributes = world.nvAttributes(nvIndex);
  if (isNv(attributes, "POLICY_DELETE")) {
    const auth = yield* byCommonPolicy(world, TPM_CC.NV_UndefineSpaceSpecial, nvIndex);
    yield* world.run("NV_UndefineSpaceSpecial", { nvIndex, platform: TPM_RH.PLATFORM }, { auths: [auth] });
    return;
  }
  const authHandle = isNv(attributes, "PLATFORMCREATE") ? TPM_RH.PLATFORM : TPM_RH.OWNER;
  yield* world.run("NV_UndefineSpace", { authHandle, nvIndex });
}

function* lock(world: World): Recipe {
  const { dice } = world;
  if (dice.chance(0.1)) {
    yield* world.run("NV_GlobalWriteLock", { authHandle: dice.pick([TPM_RH.OWNER, TPM_RH.PLATFORM]) });
    return;
  }
  const access = dice.pick(["READ", "WRITE"]);
  const lockable = world.indices((attributes) =>
    access === "READ"
      ? isNv(attributes, "READ_STCLEAR")
      : isNv(attributes, "WRITE_STCLEAR") || isNv(attributes, "WRITEDEFINE"),
  );
  const nvIndex = dice.maybe(lockable) ?? dice.maybe(world.indices());
  if (nvIndex === undefined) return;
  const name = access === "READ" ? "NV_ReadLock" : "NV_WriteLock";
  const { authHandle, auth } = yield* authFor(world, nvIndex, access, TPM_CC[name]);
  yield* world.run(name, { authHandle, nvIndex }, { auths: [auth] });
}

function* changeAuth(world: World): Recipe {
  const { dice } = world;
  const withPolicy = world.indices().filter((index) => {
    const policy = world.state.nv.indices.get(index)?.publicArea.authPolicy;
    return policy !== undefined && policy.length > 0;
  });
  const nvIndex = dice.maybe(withPolicy);
  if (nvIndex === undefined) return yield* define(world);
  const auth = yield* byCommonPolicy(world, TPM_CC.NV_ChangeAuth, nvIndex);
  yield* world.run("NV_ChangeAuth", { nvIndex, newAuth: dice.bytes(dice.below(10)) }, { auths: [auth] });
}

/** An Index with who may read it, for commands beside the chapter's own. */
export function* readable(world: World, commandCode: number) {
  const nvIndex = world.dice.maybe(world.indices((attributes) => isNv(attributes, "WRITTEN")));
  if (nvIndex === undefined) return undefined;
  const { authHandle, auth } = yield* authFor(world, nvIndex, "READ", commandCode);
  const size = world.state.nv.indices.get(nvIndex)?.publicArea.dataSize ?? 0;
  return { nvIndex, authHandle, auth, size };
}

/** Every way to compare, for TPM2_PolicyNV and its like. */
export const OPERATIONS: readonly number[] = Object.values(TPM_EO);

/** NV Indices of all types. */
export const NV_RECIPES: readonly NamedRecipe[] = [
  { name: "define an Index", weight: 6, steps: define },
  { name: "write an Index", weight: 8, steps: write },
  { name: "read an Index", weight: 6, steps: read },
  { name: "read the public area of an Index", weight: 2, steps: readPublic },
  { name: "undefine an Index", weight: 3, steps: undefine },
  { name: "lock an Index", weight: 2, steps: lock },
  { name: "change the authValue of an Index", weight: 2, steps: changeAuth },
];
