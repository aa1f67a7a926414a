import { type Bytes, EMPTY, encode, UINT32 } from "@vtpm/wire";
import { TPM_CC } from "../../../spec/command-codes.ts";
import { TPM_ALG, TPM_SE } from "../../../spec/constants.ts";
import { TPM_RH } from "../../../spec/handles.ts";
import { TPMA_SESSION, type TPMT_PUBLIC } from "../../../spec/structures/index.ts";
import { hash } from "../../caller-crypto.ts";
import { type AuthPlan, Late } from "../plan.ts";
import { encryptSalt } from "../salt.ts";
import { isAttribute, type LiveSession, type Recipe, type World } from "../world.ts";
import type { NamedRecipe } from "./recipe.ts";

const ZERO = new Uint8Array(32);
const code = (commandCode: number): Bytes => encode(UINT32, commandCode);
const sha256 = (...data: Bytes[]): Bytes => hash(TPM_ALG.SHA256, ...data);
const forCommand = (commandCode: number): Bytes => sha256(ZERO, code(TPM_CC.PolicyCommandCode), code(commandCode));

/** What the policy of every object that has one allows: a few commands, the authValue, or anything at all. */
const BRANCHES: readonly (readonly [commandCode: number, digest: Bytes])[] = [
  ...[
    TPM_CC.Duplicate,
    TPM_CC.ObjectChangeAuth,
    TPM_CC.NV_ChangeAuth,
    TPM_CC.NV_UndefineSpaceSpecial,
    TPM_CC.Certify,
    TPM_CC.ActivateCredential,
  ].map((commandCode) => [commandCode, forCommand(commandCode)] as const),
  [TPM_CC.PolicyAuthValue, sha256(ZERO, code(TPM_CC.PolicyAuthValue))],
  [0, ZERO],
];
const DIGESTS = BRANCHES.map(([, digest]) => digest);

/** The authPolicy that this fuzzer gives things. */
export const COMMON_POLICY: Bytes = sha256(ZERO, code(TPM_CC.PolicyOR), ...DIGESTS);

/** Starts a session; `undefined` if that failed. */
export function* startSession(
  world: World,
  kind: LiveSession["kind"],
  { plain = false, hashAlg }: { readonly plain?: boolean; readonly hashAlg?: number } = {},
): Recipe<LiveSession | undefined> {
  const { dice } = world;
  if (world.state.ram.sessions.size >= 3) {
    const victim = dice.maybe(world.liveSessions());
    if (victim === undefined) return undefined;
    yield* world.run("FlushContext", { flushHandle: world.ref(victim.handle) }, { plain: true });
  }
  const authHash = hashAlg ?? dice.pick([TPM_ALG.SHA256, TPM_ALG.SHA256, TPM_ALG.SHA1, TPM_ALG.SHA384, TPM_ALG.SHA512]);
  const symmetric = dice.pick([
    { algorithm: TPM_ALG.AES, keyBits: 128, mode: TPM_ALG.CFB },
    { algorithm: TPM_ALG.CAMELLIA, keyBits: 128, mode: TPM_ALG.CFB },
    { algorithm: TPM_ALG.XOR, keyBits: authHash },
    { algorithm: TPM_ALG.NULL },
  ]);
  const nonceCaller = dice.bytes(dice.pick([16, 20]));
  const boundTo = !plain && dice.chance(0.3) ? dice.maybe(bindables(world)) : undefined;
  const salted = !plain && dice.chance(0.3) ? yield* salt(world) : undefined;
  const bindAuth = boundTo === undefined ? undefined : world.authOf(boundTo);
  const bindName = boundTo === undefined ? EMPTY : world.nameOf(boundTo);
  const outcome = yield* world.run(
    "StartAuthSession",
    {
      tpmKey: salted?.handle ?? TPM_RH.NULL,
      bind: boundTo ?? TPM_RH.NULL,
      nonceCaller,
      encryptedSalt: salted?.encrypted ?? EMPTY,
      sessionType: { hmac: TPM_SE.HMAC, policy: TPM_SE.POLICY, trial: TPM_SE.TRIAL }[kind],
      symmetric,
      authHash,
    },
    { starts: { hashAlg: authHash, nonceCaller, symmetric, salt: salted?.salt, bindAuth }, plain },
  );
  const handle = outcome.output?.["sessionHandle"];
  if (typeof handle !== "number") return undefined;
  const bind =
    boundTo === undefined || kind !== "hmac" ? undefined : { handle: boundTo, name: bindName, auth: bindAuth ?? EMPTY };
  const session: LiveSession = {
    step: outcome.id,
    handle,
    hashAlg: authHash,
    kind,
    encrypts: symmetric.algorithm !== TPM_ALG.NULL,
    bind,
  };
  // HMAC and policy sessions share their slots.
  for (const [step, old] of world.sessions) if (old.handle % 2 ** 24 === handle % 2 ** 24) world.sessions.delete(step);
  world.sessions.set(outcome.id, session);
  return session;
}

function bindables(world: World): number[] {
  const permanent = [TPM_RH.OWNER, TPM_RH.ENDORSEMENT, TPM_RH.PLATFORM, TPM_RH.LOCKOUT];
  return [...permanent, ...world.indices(), ...world.objects().map(({ handle }) => handle)];
}

interface Salted {
  readonly handle: number;
  readonly encrypted: Late<Bytes>;
  readonly salt: Late<Bytes>;
}

/** A salt for a key that decrypts, encrypted by the caller from the key's public area. */
function* salt(world: World): Recipe<Salted | undefined> {
  const { dice } = world;
  const found = dice.maybe(
    world.keys(
      (key) => isAttribute(key, "decrypt") && [TPM_ALG.RSA, TPM_ALG.ECC].some((t) => t === key.publicArea.type),
    ),
  );
  if (found === undefined) return undefined;
  const read = yield* world.run("ReadPublic", { objectHandle: found.handle }, { plain: true });
  if (read.output === undefined) return undefined;
  const secret = dice.bytes(20);
  const filler = dice.bytes(128);
  const made = new Late((past) => {
    const publicArea = past.output(read.id)?.["outPublic"];
    return publicArea === undefined
      ? undefined
      : encryptSalt(
          past.crypto,
          publicArea as TPMT_PUBLIC, // ReadPublic answers one
          secret,
          filler,
        );
  });
  return {
    handle: found.handle,
    encrypted: new Late((past) => made.of(past)?.encrypted),
    salt: new Late((past) => made.of(past)?.salt),
  };
}

/**
 * A policy session that the common policy allows to use the entity in this command; `undefined` if one could not be had.
 * The plan it returns goes where a password would.
 */
export function* byCommonPolicy(world: World, commandCode: number, handle: number): Recipe<AuthPlan | undefined> {
  const { dice } = world;
  const session = yield* startSession(world, "policy", { plain: true, hashAlg: TPM_ALG.SHA256 });
  if (session === undefined) return undefined;
  const policySession = { policySession: world.ref(session.handle) };
  const named = BRANCHES.some(([branch]) => branch === commandCode);
  const way = dice.pick(named ? ["command"] : ["authValue", "password", "anything"]);
  const plain = { plain: true };
  if (way === "command") yield* world.run("PolicyCommandCode", { ...policySession, code: commandCode }, plain);
  if (way === "authValue") yield* world.run("PolicyAuthValue", policySession, plain);
  if (way === "password") yield* world.run("PolicyPassword", policySession, plain);
  yield* world.run("PolicyOR", { ...policySession, pHashList: DIGESTS }, plain);
  return {
    kind: "session",
    session: session.step,
    attributes: TPMA_SESSION.of({ continueSession: dice.chance(0.3) }),
    authValue: world.authOf(handle),
    leavesOutAuthValue: way !== "authValue",
    nextAuthValue: undefined,
    isPassword: way === "password",
  };
}

function* start(world: World): Recipe {
  yield* startSession(world, world.dice.pick(["hmac", "hmac", "policy", "trial"]));
}

function* restart(world: World): Recipe {
  const session = world.dice.maybe(world.liveSessions().filter(({ kind }) => kind !== "hmac"));
  if (session !== undefined) yield* world.run("PolicyRestart", { sessionHandle: world.ref(session.handle) });
}

function* flush(world: World): Recipe {
  const session = world.dice.maybe(world.liveSessions());
  if (session !== undefined) yield* world.run("FlushContext", { flushHandle: world.ref(session.handle) });
}

/** Starting, restarting and ending sessions. */
export const SESSION_RECIPES: readonly NamedRecipe[] = [
  { name: "start a session", weight: 8, steps: start },
  { name: "restart a policy", weight: 1, steps: restart },
  { name: "flush a session", weight: 2, steps: flush },
];
