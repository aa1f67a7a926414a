import { type Bytes, concatBytes, EMPTY, encode, UINT32 } from "@vtpm/wire";
import { TPM_CC } from "../../../spec/command-codes.ts";
import { TPM_ALG, TPM_CAP, TPM_ST } from "../../../spec/constants.ts";
import { HANDLE, TPM_RH } from "../../../spec/handles.ts";
import { TPMA_NV, TPMA_SESSION } from "../../../spec/structures/index.ts";
import { hash } from "../../caller-crypto.ts";
import { Late } from "../plan.ts";
import { isAttribute, type LiveSession, outputOf, type Recipe, type World } from "../world.ts";
import { OPERATIONS, readable } from "./nv.ts";
import { NULL_HASHCHECK, obtain, pcrSelection } from "./objects.ts";
import type { NamedRecipe } from "./recipe.ts";
import { startSession } from "./sessions.ts";

/** A policy or trial session, started where there is none. */
function* policySession(world: World): Recipe<LiveSession | undefined> {
  const found = world.dice.maybe(world.liveSessions().filter(({ kind }) => kind !== "hmac"));
  return found ?? (yield* startSession(world, world.dice.pick(["policy", "trial"])));
}

const sizeOf = (session: LiveSession): number => hash(session.hashAlg).length;

/** One assertion that needs nothing but the session. */
function* assertion(world: World): Recipe {
  const { dice } = world;
  const session = yield* policySession(world);
  if (session === undefined) return;
  const policySession_ = { policySession: world.ref(session.handle) };
  const digest = (): Bytes => dice.bytes(sizeOf(session) + (dice.chance(0.05) ? 1 : 0));
  const commandCodes = [...world.commands.keys()];
  const inputs = {
    PolicyAuthValue: () => ({}),
    PolicyPassword: () => ({}),
    PolicyPhysicalPresence: () => ({}),
    PolicyGetDigest: () => ({}),
    PolicyCommandCode: () => ({ code: dice.pick(commandCodes) }),
    PolicyLocality: () => ({ locality: dice.pick([0, 1, 3, 31, 32, 77]) }),
    PolicyCpHash: () => ({ cpHashA: digest() }),
    PolicyNameHash: () => ({ nameHash: digest() }),
    PolicyTemplate: () => ({ templateHash: digest() }),
    PolicyParameters: () => ({ pHash: digest() }),
    PolicyNvWritten: () => ({ writtenSet: dice.below(2) }),
    PolicyDuplicationSelect: () => ({
      objectName: world.nameOf(dice.maybe(world.keys())?.handle ?? TPM_RH.OWNER),
      newParentName: world.nameOf(dice.maybe(world.keys())?.handle ?? TPM_RH.OWNER),
      includeObject: dice.below(2),
    }),
    PolicyPCR: () => ({ pcrDigest: dice.chance(0.8) ? EMPTY : digest(), pcrs: pcrSelection(world) }),
    PolicyCounterTimer: () => ({
      operandB: dice.bytes(dice.pick([1, 4, 8])),
      // Behind the two times: counters, and whether Clock is safe.
      offset: world.ownsClock ? dice.below(25) : dice.between(16, 24),
      operation: dice.pick(OPERATIONS),
    }),
    PolicyCapability: () => ({
      operandB: dice.bytes(dice.pick([1, 4])),
      offset: dice.below(6),
      operation: dice.pick(OPERATIONS),
      capability: dice.pick([TPM_CAP.ALGS, TPM_CAP.HANDLES, TPM_CAP.TPM_PROPERTIES, TPM_CAP.ECC_CURVES]),
      property: dice.pick([0, 1, 0x100, HANDLE.TRANSIENT_FIRST]),
    }),
  };
  const names = Object.keys(inputs) as (keyof typeof inputs)[]; // `keys` forgets the literal types
  const name = dice.pick(names);
  yield* world.run(name, { ...policySession_, ...inputs[name]() });
}

function* or(world: World): Recipe {
  const { dice } = world;
  const session = yield* policySession(world);
  if (session === undefined) return;
  const handle = { policySession: world.ref(session.handle) };
  const now = yield* world.run("PolicyGetDigest", handle);
  const others = [dice.bytes(sizeOf(session)), dice.bytes(sizeOf(session))];
  yield* world.run("PolicyOR", { ...handle, pHashList: [others[0], outputOf(now.id, "policyDigest"), others[1]] });
}

function* nv(world: World): Recipe {
  const { dice } = world;
  const found = yield* readable(world, TPM_CC.PolicyNV);
  const session = yield* policySession(world);
  if (session === undefined || found === undefined) return;
  const { nvIndex, authHandle, auth, size } = found;
  const offset = dice.below(Math.max(1, size));
  const operandB = dice.bytes(Math.min(dice.pick([1, 8]), Math.max(0, size - offset)));
  yield* world.run(
    "PolicyNV",
    {
      authHandle,
      nvIndex,
      policySession: world.ref(session.handle),
      operandB,
      offset,
      operation: dice.pick(OPERATIONS),
    },
    { auths: [auth] },
  );
}

const EXPIRATIONS = [0, 0, 60, -60, -1000] as const;

function* secret(world: World): Recipe {
  const { dice } = world;
  const session = yield* policySession(world);
  if (session === undefined) return;
  const entities = [TPM_RH.OWNER, TPM_RH.ENDORSEMENT, ...world.objects().map((o) => o.handle), ...world.indices()];
  const authHandle = dice.pick(entities);
  const policyRef = dice.chance(0.5) ? EMPTY : dice.bytes(4);
  const cpHashA = dice.chance(0.8) ? EMPTY : dice.bytes(sizeOf(session));
  const nonceTPM = dice.chance(0.5) ? EMPTY : new Late((past) => past.session(session.step)?.nonceTPM);
  const made = yield* world.run("PolicySecret", {
    authHandle,
    policySession: world.ref(session.handle),
    nonceTPM,
    cpHashA,
    policyRef,
    expiration: dice.pick(EXPIRATIONS) >>> 0,
  });
  keepTicket(world, made, { policyRef, cpHashA, authName: yield* nameOf(world, authHandle) });
}

/** The Name of an entity, which for a key is what the TPM at hand says it is. */
function* nameOf(world: World, handle: number): Recipe<Bytes | Late<Bytes>> {
  if (!world.keys().some((key) => key.handle === handle)) return world.nameOf(handle);
  const read = yield* world.run("ReadPublic", { objectHandle: handle }, { plain: true });
  return outputOf<Bytes>(read.id, "name");
}

function keepTicket(
  world: World,
  { id, output }: { readonly id: number; readonly output: object | undefined },
  about: { readonly policyRef: Bytes; readonly cpHashA: Bytes; readonly authName: Bytes | Late<Bytes> },
): void {
  if (output === undefined) return;
  world.keep("policyTicket", { timeout: outputOf(id, "timeout"), ticket: outputOf(id, "policyTicket"), ...about });
}

function* signed(world: World): Recipe {
  const { dice } = world;
  const key = yield* obtain(
    world,
    (k) => isAttribute(k, "sign") && !isAttribute(k, "restricted") && k.publicArea.type !== TPM_ALG.SYMCIPHER,
    "hmac",
    "eccSign",
    "rsaSign",
  );
  const session = yield* policySession(world);
  if (session === undefined || key === undefined) return;
  const expiration = dice.pick(EXPIRATIONS) >>> 0;
  const policyRef = dice.chance(0.5) ? EMPTY : dice.bytes(4);
  const cpHashA = dice.chance(0.8) ? EMPTY : dice.bytes(sizeOf(session));
  const withNonce = expiration !== 0 || dice.chance(0.5);
  const nonceTPM = withNonce ? new Late((past) => past.session(session.step)?.nonceTPM) : EMPTY;
  const aHash = new Late((past) => {
    const nonce = withNonce ? past.session(session.step)?.nonceTPM : EMPTY;
    return nonce && hash(TPM_ALG.SHA256, nonce, encode(UINT32, expiration), cpHashA, policyRef);
  });
  const signature = yield* world.run("Sign", {
    keyHandle: key.handle,
    digest: aHash,
    inScheme: schemeFor(world, key.handle),
    validation: NULL_HASHCHECK,
  });
  const made = yield* world.run("PolicySigned", {
    authObject: key.handle,
    policySession: world.ref(session.handle),
    nonceTPM,
    cpHashA,
    policyRef,
    expiration,
    auth: outputOf(signature.id, "signature"),
  });
  keepTicket(world, made, { policyRef, cpHashA, authName: yield* nameOf(world, key.handle) });
}

/** A scheme to sign with: the key's own where it has one. */
export function schemeFor(world: World, handle: number): object {
  const { dice } = world;
  const area = world.keys().find((key) => key.handle === handle)?.key.publicArea;
  const scheme = area !== undefined && "scheme" in area.parameters ? area.parameters.scheme.scheme : TPM_ALG.NULL;
  if (scheme !== TPM_ALG.NULL) return { scheme: TPM_ALG.NULL };
  const details = { hashAlg: TPM_ALG.SHA256 };
  if (area?.type === TPM_ALG.RSA) return { scheme: dice.pick([TPM_ALG.RSASSA, TPM_ALG.RSAPSS]), details };
  if (area?.type === TPM_ALG.KEYEDHASH) return { scheme: TPM_ALG.HMAC, details };
  return { scheme: dice.pick([TPM_ALG.ECDSA, TPM_ALG.ECDSA, TPM_ALG.ECSCHNORR, TPM_ALG.SM2]), details };
}

function* ticket(world: World): Recipe {
  const kept = world.kept<object>("policyTicket");
  const session = yield* policySession(world);
  if (session === undefined || kept === undefined) return;
  yield* world.run("PolicyTicket", { policySession: world.ref(session.handle), ...kept });
}

function* authorize(world: World): Recipe {
  const { dice } = world;
  const key = yield* obtain(
    world,
    (k) => isAttribute(k, "sign") && !isAttribute(k, "restricted") && k.publicArea.type !== TPM_ALG.SYMCIPHER,
    "hmac",
    "eccSign",
  );
  const session = yield* policySession(world);
  if (session === undefined || key === undefined) return;
  const policyRef = dice.chance(0.5) ? EMPTY : dice.bytes(4);
  const handle = { policySession: world.ref(session.handle) };
  const now = yield* world.run("PolicyGetDigest", handle);
  const approvedPolicy = outputOf<Bytes>(now.id, "policyDigest");
  const nameAlg = key.key.publicArea.nameAlg;
  if (nameAlg === TPM_ALG.NULL) return;
  const digest = new Late((past) => {
    const approved = approvedPolicy.of(past);
    return approved && hash(nameAlg, approved, policyRef);
  });
  const inScheme = { scheme: TPM_ALG.NULL };
  const signed_ = yield* world.run("Sign", { keyHandle: key.handle, digest, inScheme, validation: NULL_HASHCHECK });
  const verified = yield* world.run("VerifySignature", {
    keyHandle: key.handle,
    digest,
    signature: outputOf(signed_.id, "signature"),
  });
  const read = yield* world.run("ReadPublic", { objectHandle: key.handle });
  yield* world.run("PolicyAuthorize", {
    ...handle,
    approvedPolicy,
    policyRef,
    keySign: outputOf(read.id, "name"),
    checkTicket:
      verified.output === undefined
        ? { tag: TPM_ST.VERIFIED, hierarchy: TPM_RH.NULL, digest: EMPTY }
        : outputOf(verified.id, "validation"),
  });
}

/** A policy in an Index: written with the session's own digest, then approved by it. */
function* authorizeNv(world: World): Recipe {
  const { dice } = world;
  const session = yield* policySession(world);
  if (session === undefined) return;
  const handle = { policySession: world.ref(session.handle) };
  const now = yield* world.run("PolicyGetDigest", handle);
  const nvIndex = HANDLE.NV_INDEX_FIRST + 0x600000;
  const owner = { authHandle: TPM_RH.OWNER, nvIndex };
  if (world.state.nv.indices.has(nvIndex)) yield* world.run("NV_UndefineSpace", owner);
  const attributes = TPMA_NV.of({ OWNERREAD: true, OWNERWRITE: true, AUTHREAD: true, NO_DA: true });
  const publicInfo = { nvIndex, nameAlg: TPM_ALG.SHA256, attributes, authPolicy: EMPTY, dataSize: sizeOf(session) + 2 };
  yield* world.run("NV_DefineSpace", { authHandle: TPM_RH.OWNER, auth: EMPTY, publicInfo });
  const data = new Late((past) => {
    const digest = outputOf<Bytes>(now.id, "policyDigest").of(past);
    return digest && concatBytes(Uint8Array.of(0, session.hashAlg), digest);
  });
  yield* world.run("NV_Write", { ...owner, data, offset: 0 });
  const authHandle = dice.chance(0.5) ? TPM_RH.OWNER : nvIndex;
  yield* world.run("PolicyAuthorizeNV", { authHandle, nvIndex, ...handle });
}

/**
 * A policy made up on the spot, given to an Index, and then used: so that what the assertions demand is also checked when
 * the session authorizes.
 */
function* useOwnPolicy(world: World): Recipe {
  const { dice } = world;
  const session = yield* startSession(world, "policy", { hashAlg: TPM_ALG.SHA256 });
  if (session === undefined) return;
  const handle = { policySession: world.ref(session.handle) };
  const nvIndex = HANDLE.NV_INDEX_FIRST + 0x600001;
  const plain = { plain: true };
  if (world.state.nv.indices.has(nvIndex)) {
    yield* world.run("NV_UndefineSpace", { authHandle: TPM_RH.OWNER, nvIndex }, plain);
  }
  let needsAuth = false;
  let isPassword = false;
  for (let i = dice.below(4); i >= 0; i--) {
    switch (dice.below(9)) {
      case 0:
        yield* world.run("PolicyLocality", { ...handle, locality: dice.pick([1, 1, 3, 2]) }, plain);
        break;
      case 1:
        yield* world.run("PolicyPCR", { ...handle, pcrDigest: EMPTY, pcrs: pcrSelection(world) }, plain);
        break;
      case 2:
        yield* world.run("PolicyCommandCode", { ...handle, code: TPM_CC.NV_Write }, plain);
        break;
      case 3:
        yield* world.run("PolicyAuthValue", handle, plain);
        [needsAuth, isPassword] = [true, false];
        break;
      case 4:
        yield* world.run("PolicyPassword", handle, plain);
        [needsAuth, isPassword] = [false, true];
        break;
      case 5:
        yield* world.run("PolicyNvWritten", { ...handle, writtenSet: dice.chance(0.8) ? 0 : 1 }, plain);
        break;
      case 6: {
        const expiration = dice.pick(EXPIRATIONS) >>> 0;
        const input = { nonceTPM: EMPTY, cpHashA: EMPTY, policyRef: EMPTY, expiration };
        yield* world.run("PolicySecret", { authHandle: TPM_RH.OWNER, ...handle, ...input }, plain);
        break;
      }
      case 7:
        yield* world.run(
          "PolicyCounterTimer",
          { ...handle, operandB: EMPTY, offset: 0, operation: OPERATIONS[0] },
          plain,
        );
        break;
      case 8:
        yield* world.run("PolicyPhysicalPresence", handle, plain);
        break;
    }
  }
  const digest = yield* world.run("PolicyGetDigest", handle, plain);
  const attributes = TPMA_NV.of({ POLICYREAD: true, POLICYWRITE: true, OWNERREAD: true, NO_DA: dice.chance(0.5) });
  const authPolicy = outputOf(digest.id, "policyDigest");
  const publicInfo = { nvIndex, nameAlg: TPM_ALG.SHA256, attributes, authPolicy, dataSize: 8 };
  yield* world.run("NV_DefineSpace", { authHandle: TPM_RH.OWNER, auth: dice.bytes(4), publicInfo }, plain);
  yield* world.run(
    "NV_Write",
    { authHandle: nvIndex, nvIndex, data: dice.bytes(8), offset: 0 },
    {
      auths: [
        {
          kind: "session",
          session: session.step,
          attributes: TPMA_SESSION.of({ continueSession: dice.chance(0.5) }),
          authValue: world.authOf(nvIndex),
          leavesOutAuthValue: !needsAuth,
          nextAuthValue: undefined,
          isPassword,
        },
      ],
    },
  );
}

/** Policies: told, combined, signed, stored and used. */
export const POLICY_RECIPES: readonly NamedRecipe[] = [
  { name: "a policy assertion", weight: 12, steps: assertion },
  { name: "a choice of policies", weight: 2, steps: or },
  { name: "a policy about an Index", weight: 3, steps: nv },
  { name: "a policy about a secret", weight: 4, steps: secret },
  { name: "a signed policy", weight: 4, steps: signed },
  { name: "a policy ticket", weight: 3, steps: ticket },
  { name: "an authorized policy", weight: 3, steps: authorize },
  { name: "a policy in an Index", weight: 2, steps: authorizeNv },
  { name: "a policy used", weight: 5, steps: useOwnPolicy },
];
