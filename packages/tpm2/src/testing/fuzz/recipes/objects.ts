import { EMPTY, encode, equalBytes } from "@vtpm/wire";
import { TPM_CC } from "../../../spec/command-codes.ts";
import { TPM_ALG, TPM_ST } from "../../../spec/constants.ts";
import { HANDLE, TPM_RH } from "../../../spec/handles.ts";
import { TPMA_OBJECT, TPMS_DERIVE, TPMT_PUBLIC, TPMT_PUBLIC_DERIVE } from "../../../spec/structures/index.ts";
import { type KEY_SLOT, type OBJECT, OBJECT_ATTRIBUTES } from "../../../state/object.ts";
import { isLimitedTo, LIMITED_HIERARCHIES } from "../../../subsystems/limited-hierarchies.ts";
import { hash } from "../../caller-crypto.ts";
import { Late } from "../plan.ts";
import { KINDS, type Kind, template } from "../templates.ts";
import { isAttribute, type LiveKey, type Outcome, outputOf, type Recipe, type World } from "../world.ts";
import type { NamedRecipe } from "./recipe.ts";
import { byCommonPolicy, COMMON_POLICY } from "./sessions.ts";

const HIERARCHIES = [TPM_RH.OWNER, TPM_RH.OWNER, TPM_RH.ENDORSEMENT, TPM_RH.PLATFORM, TPM_RH.NULL] as const;
const MOST_PERSISTENT = 4;

/** A hierarchy for new objects; where there are such, now and then one that is limited to the firmware or an SVN. */
function hierarchyFor({ dice, profile }: World): number {
  if (profile.limit("FIRMWARE_HIERARCHIES") === 0 || dice.chance(0.9)) return dice.pick(HIERARCHIES);
  const hierarchy = dice.pick(LIMITED_HIERARCHIES);
  return isLimitedTo("svn", hierarchy) ? hierarchy + dice.pick([5, 6]) : hierarchy;
}

/** The template of a primary object, which may say that its hierarchy is limited. */
function limitedTo({ dice }: World, hierarchy: number, publicArea: TPMT_PUBLIC): TPMT_PUBLIC {
  const firmwareLimited = isLimitedTo("firmware", hierarchy);
  const svnLimited = isLimitedTo("svn", hierarchy);
  if ((!firmwareLimited && !svnLimited) || dice.chance(0.5)) return publicArea;
  const objectAttributes = TPMA_OBJECT.with(publicArea.objectAttributes, { firmwareLimited, svnLimited });
  return { ...publicArea, objectAttributes };
}

/** Makes sure that so many transient slots are free. */
export function* room(world: World, slots: number): Recipe {
  while (world.transientCount > 3 - slots) {
    const handle = world.dice.maybe([...world.state.ram.objects.keys()]);
    if (handle === undefined) return;
    const outcome = yield* world.run("FlushContext", { flushHandle: world.ref(handle) }, { plain: true });
    if (outcome.rc !== 0) return;
  }
}

/** A few PCRs of a bank or two; none, as often as not. */
export function pcrSelection(world: World): object[] {
  const { dice } = world;
  if (dice.chance(0.5)) return [];
  const hashes = dice.chance(0.8) ? [TPM_ALG.SHA256] : [TPM_ALG.SHA1, TPM_ALG.SHA384];
  return hashes.map((hash) => ({ hash, pcrSelect: dice.bytes(3) }));
}

const isStorage = (key: OBJECT | KEY_SLOT): boolean => OBJECT_ATTRIBUTES.has(key.attributes, "isParent");

/** A template, and now and then the data and the authValue that go with it. */
function creation(world: World, kind: Kind, mayBeFixed: boolean) {
  const { dice } = world;
  const policy = dice.chance(0.3) ? COMMON_POLICY : EMPTY;
  const { publicArea, data } = template(dice, kind, { policy, mayBeFixed });
  const userAuth = dice.chance(0.5) ? EMPTY : dice.bytes(dice.pick([4, 16, 20]));
  return { publicArea, inSensitive: { userAuth, data }, outsideInfo: dice.chance(0.7) ? EMPTY : dice.bytes(8) };
}

/** Creates a primary key; `undefined` if that failed. */
export function* createPrimary(world: World, kind: Kind): Recipe<Outcome> {
  yield* room(world, 1);
  const { publicArea, inSensitive, outsideInfo } = creation(world, kind, true);
  const hierarchy = hierarchyFor(world);
  const creationPCR = pcrSelection(world);
  const made = yield* world.run("CreatePrimary", {
    primaryHandle: hierarchy,
    inSensitive,
    inPublic: limitedTo(world, hierarchy, publicArea),
    outsideInfo,
    creationPCR,
  });
  if (made.output !== undefined) keepCreation(world, made, outputOf<number>(made.id, "objectHandle"));
  return made;
}

function keepCreation(world: World, made: Outcome, handle: Late<number>): void {
  world.keep("creation", {
    objectHandle: handle,
    creationHash: outputOf(made.id, "creationHash"),
    creationTicket: outputOf(made.id, "creationTicket"),
  });
}

/** A storage key that is loaded, made where there is none. */
function* storage(world: World): Recipe<LiveKey | undefined> {
  const found = world.dice.maybe(world.keys(isStorage));
  if (found !== undefined) return found;
  const made = yield* createPrimary(world, "storage");
  return keyOf(world, made);
}

function keyOf(world: World, made: Outcome): LiveKey | undefined {
  const handle = made.output?.["objectHandle"];
  return world.keys().find((key) => key.handle === handle);
}

/** Creates an object under a storage key and loads it. */
export function* createAndLoad(world: World, kind: Kind): Recipe<LiveKey | undefined> {
  const { dice } = world;
  const parent = yield* storage(world);
  if (parent === undefined) return undefined;
  const { publicArea, inSensitive, outsideInfo } = creation(world, kind, isAttribute(parent.key, "fixedTPM"));
  const made = yield* world.run("Create", {
    parentHandle: parent.handle,
    inSensitive,
    inPublic: publicArea,
    outsideInfo,
    creationPCR: pcrSelection(world),
  });
  if (made.output === undefined) return undefined;
  const blob = { inPrivate: outputOf(made.id, "outPrivate"), inPublic: outputOf(made.id, "outPublic") };
  world.keep("blob", { parentHandle: world.ref(parent.handle), ...blob });
  if (world.transientCount >= 3) {
    const victim = dice.maybe([...world.state.ram.objects.keys()].filter((handle) => handle !== parent.handle));
    if (victim !== undefined) yield* world.run("FlushContext", { flushHandle: world.ref(victim) }, { plain: true });
  }
  const loaded = yield* world.run("Load", { parentHandle: parent.handle, ...blob });
  if (loaded.output !== undefined) keepCreation(world, made, outputOf<number>(loaded.id, "objectHandle"));
  return keyOf(world, loaded);
}

/** A loaded object that passes a filter, made (as one of the kinds) where there is none. */
export function* obtain(
  world: World,
  filter: (key: OBJECT | KEY_SLOT) => boolean,
  ...kinds: readonly Kind[]
): Recipe<LiveKey | undefined> {
  const found = world.dice.maybe(world.keys(filter));
  if (found !== undefined && world.dice.chance(0.85)) return found;
  const kind = world.dice.pick(kinds);
  const made = world.dice.chance(0.5)
    ? keyOf(world, yield* createPrimary(world, kind))
    : yield* createAndLoad(world, kind);
  return made !== undefined && filter(made.key) ? made : found;
}

function* primary(world: World): Recipe {
  const { dice } = world;
  yield* createPrimary(world, dice.chance(0.4) ? "storage" : dice.pick(KINDS));
}

function* child(world: World): Recipe {
  yield* createAndLoad(world, world.dice.pick(KINDS));
}

function* loadAgain(world: World): Recipe {
  const blob = world.kept<object>("blob");
  if (blob === undefined) return;
  yield* room(world, 1);
  yield* world.run("Load", { ...blob });
}

function* createLoaded(world: World): Recipe {
  const { dice } = world;
  yield* room(world, 1);
  const derivation = dice.maybe(world.keys((key) => OBJECT_ATTRIBUTES.has(key.attributes, "derivation")));
  const parent = dice.maybe(world.keys(isStorage));
  const kind = dice.pick(KINDS);
  if (derivation !== undefined && dice.chance(0.6)) {
    const { publicArea } = template(dice, dice.pick(["eccSign", "eccDecrypt", "hmac", "symmetric"]), {
      policy: EMPTY,
      mayBeFixed: isAttribute(derivation.key, "fixedTPM"),
    });
    // Nothing of a derived key comes from the TPM: bit 5 is sensitiveDataOrigin.
    const objectAttributes = publicArea.objectAttributes - (publicArea.objectAttributes & 0x20);
    const unique = { label: dice.bytes(4), context: dice.bytes(4) };
    const derived = { ...publicArea, objectAttributes, unique } as TPMT_PUBLIC_DERIVE; // all but `unique` is the same
    const data = dice.chance(0.5) ? EMPTY : encode(TPMS_DERIVE, { label: dice.bytes(2), context: EMPTY });
    const inSensitive = { userAuth: EMPTY, data };
    const inPublic = encode(TPMT_PUBLIC_DERIVE, derived);
    yield* world.run("CreateLoaded", { parentHandle: derivation.handle, inSensitive, inPublic });
    return;
  }
  const under = dice.chance(0.5) ? parent : undefined;
  const mayBeFixed = under === undefined || isAttribute(under.key, "fixedTPM");
  const { publicArea, inSensitive } = creation(world, kind, mayBeFixed);
  const parentHandle = under?.handle ?? hierarchyFor(world);
  yield* world.run("CreateLoaded", { parentHandle, inSensitive, inPublic: encode(TPMT_PUBLIC, publicArea) });
}

function* loadExternal(world: World): Recipe {
  const { dice } = world;
  yield* room(world, 1);
  const known = dice.maybe(world.keys());
  const hierarchy = hierarchyFor(world);
  if (known !== undefined && dice.chance(0.6)) {
    const read = yield* world.run("ReadPublic", { objectHandle: known.handle });
    yield* room(world, 1);
    yield* world.run("LoadExternal", { inPrivate: undefined, inPublic: outputOf(read.id, "outPublic"), hierarchy });
    return;
  }
  const { sensitive } = known?.key ?? {};
  const secret = dice.bytes(32);
  const seedValue = dice.bytes(32);
  const unique = new Late((past) => past.crypto.hash("SHA256", seedValue, secret));
  const inPublic = {
    type: TPM_ALG.KEYEDHASH,
    nameAlg: TPM_ALG.SHA256,
    objectAttributes: 0x40040,
    authPolicy: EMPTY,
    parameters: { scheme: { scheme: TPM_ALG.HMAC, details: { hashAlg: TPM_ALG.SHA256 } } },
    unique,
  };
  const inPrivate = { sensitiveType: TPM_ALG.KEYEDHASH, authValue: dice.bytes(4), seedValue, sensitive: secret };
  if (sensitive === undefined || dice.chance(0.7)) {
    yield* world.run("LoadExternal", { inPrivate, inPublic, hierarchy: TPM_RH.NULL });
  } else {
    // The sensitive area of another object does not fit.
    yield* world.run("LoadExternal", { inPrivate: sensitive, inPublic, hierarchy: TPM_RH.NULL });
  }
}

function* read(world: World): Recipe {
  const found = world.dice.maybe(world.objects());
  if (found !== undefined) yield* world.run("ReadPublic", { objectHandle: found.handle });
}

function* flush(world: World): Recipe {
  const handle = world.dice.maybe([...world.state.ram.objects.keys()]);
  if (handle !== undefined) yield* world.run("FlushContext", { flushHandle: world.ref(handle) });
}

function* unseal(world: World): Recipe {
  const isSealed = (key: OBJECT | KEY_SLOT): boolean =>
    key.publicArea.type === TPM_ALG.KEYEDHASH && !isAttribute(key, "sign") && !isAttribute(key, "decrypt");
  const found = yield* obtain(world, isSealed, "sealed");
  if (found === undefined) return;
  const auth = world.dice.chance(0.3) ? yield* byCommonPolicy(world, TPM_CC.Unseal, found.handle) : undefined;
  yield* world.run("Unseal", { itemHandle: found.handle }, { auths: [auth] });
}

/** The parent of a loaded object, if that is loaded too: the one whose qualified Name is part of the object's. */
function parentOf(world: World, { key }: LiveKey): LiveKey | undefined {
  const { nameAlg } = key.publicArea;
  if (nameAlg === TPM_ALG.NULL) return undefined;
  return world.keys(isStorage).find((parent) => {
    const digest = hash(nameAlg, parent.key.qualifiedName, key.name);
    return equalBytes(digest, key.qualifiedName.slice(2));
  });
}

function* changeAuth(world: World): Recipe {
  const { dice } = world;
  const loaded = world.keys((key) => !OBJECT_ATTRIBUTES.has(key.attributes, "publicOnly"));
  const withParent = loaded.filter((key) => parentOf(world, key) !== undefined);
  const found = dice.maybe(withParent) ?? (yield* createAndLoad(world, dice.pick(KINDS)));
  if (found === undefined) return;
  const parent = parentOf(world, found) ?? dice.maybe(world.keys(isStorage));
  if (parent === undefined) return;
  const auth = isAttribute(found.key, "adminWithPolicy")
    ? yield* byCommonPolicy(world, TPM_CC.ObjectChangeAuth, found.handle)
    : undefined;
  const input = { objectHandle: found.handle, parentHandle: parent.handle, newAuth: dice.bytes(dice.pick([0, 8, 20])) };
  yield* world.run("ObjectChangeAuth", input, { auths: [auth] });
}

function* credential(world: World): Recipe {
  const { dice } = world;
  const key = yield* obtain(world, (k) => isStorage(k) && k.publicArea.type !== TPM_ALG.SYMCIPHER, "storage");
  const target = dice.maybe(world.keys());
  if (key === undefined || target === undefined) return;
  const named = yield* world.run("ReadPublic", { objectHandle: target.handle }, { plain: true });
  const made = yield* world.run("MakeCredential", {
    handle: key.handle,
    credential: dice.bytes(dice.pick([16, 32])),
    objectName: outputOf(named.id, "name"),
  });
  const auth = isAttribute(target.key, "adminWithPolicy")
    ? yield* byCommonPolicy(world, TPM_CC.ActivateCredential, target.handle)
    : undefined;
  const blob = { credentialBlob: outputOf(made.id, "credentialBlob"), secret: outputOf(made.id, "secret") };
  yield* world.run(
    "ActivateCredential",
    { activateHandle: target.handle, keyHandle: key.handle, ...blob },
    { auths: [auth] },
  );
}

function* duplicate(world: World): Recipe {
  const { dice } = world;
  const isMovable = (key: OBJECT | KEY_SLOT): boolean =>
    !isAttribute(key, "fixedParent") && key.publicArea.authPolicy.length > 0 && key.hierarchy !== TPM_RH.NULL;
  const found =
    dice.maybe(world.keys((key) => isMovable(key) && !OBJECT_ATTRIBUTES.has(key.attributes, "publicOnly"))) ??
    (yield* obtain(world, isMovable, "hmac", "eccSign", "sealed"));
  if (found === undefined) return;
  const parents = world.keys((key) => isStorage(key) && key !== found.key);
  const newParent =
    isAttribute(found.key, "encryptedDuplication") || dice.chance(0.7) ? dice.maybe(parents) : undefined;
  const isInner = isAttribute(found.key, "encryptedDuplication") || dice.chance(0.4);
  const symmetricAlg = isInner
    ? { algorithm: TPM_ALG.AES, keyBits: 128, mode: TPM_ALG.CFB }
    : { algorithm: TPM_ALG.NULL };
  const given = isInner && dice.chance(0.5) ? dice.bytes(16) : EMPTY;
  const read = yield* world.run("ReadPublic", { objectHandle: found.handle }, { plain: true });
  const auth = yield* byCommonPolicy(world, TPM_CC.Duplicate, found.handle);
  const moved = yield* world.run(
    "Duplicate",
    {
      objectHandle: found.handle,
      newParentHandle: newParent?.handle ?? TPM_RH.NULL,
      encryptionKeyIn: given,
      symmetricAlg,
    },
    { auths: [auth] },
  );
  if (moved.output === undefined) return;
  let inSymSeed: unknown = outputOf(moved.id, "outSymSeed");
  let wrapped: unknown = outputOf(moved.id, "duplicate");
  let parent = newParent;
  if (newParent !== undefined && !isInner && dice.chance(0.3)) {
    const other = dice.maybe(world.keys((key) => isStorage(key)));
    const rewrapped = yield* world.run("Rewrap", {
      oldParent: newParent.handle,
      newParent: other?.handle ?? TPM_RH.NULL,
      inDuplicate: wrapped,
      name: outputOf(read.id, "name"),
      inSymSeed,
    });
    if (rewrapped.output === undefined) return;
    wrapped = outputOf(rewrapped.id, "outDuplicate");
    inSymSeed = outputOf(rewrapped.id, "outSymSeed");
    parent = other;
  }
  const under = parent ?? dice.maybe(world.keys(isStorage));
  if (under === undefined) return;
  const objectPublic = outputOf(read.id, "outPublic");
  const imported = yield* world.run("Import", {
    parentHandle: under.handle,
    encryptionKey: given.length > 0 || !isInner ? given : outputOf(moved.id, "encryptionKeyOut"),
    objectPublic,
    duplicate: wrapped,
    inSymSeed,
    symmetricAlg,
  });
  if (imported.output === undefined) return;
  const blob = { inPrivate: outputOf(imported.id, "outPrivate"), inPublic: objectPublic };
  world.keep("blob", { parentHandle: world.ref(under.handle), ...blob });
}

function* evict(world: World): Recipe {
  const { dice } = world;
  const persistent = [...world.state.nv.objects.keys()];
  const authFor = (handle: number): number => (handle >= HANDLE.PLATFORM_PERSISTENT ? TPM_RH.PLATFORM : TPM_RH.OWNER);
  const victim = dice.maybe(persistent);
  if (victim !== undefined && (persistent.length >= MOST_PERSISTENT || dice.chance(0.2))) {
    yield* world.run("EvictControl", { auth: authFor(victim), objectHandle: victim, persistentHandle: victim });
    return;
  }
  const found = dice.maybe(
    world.keys((key) => !OBJECT_ATTRIBUTES.has(key.attributes, "evict") && key.hierarchy !== TPM_RH.NULL),
  );
  if (found === undefined) return;
  const isPlatform = found.key.hierarchy === TPM_RH.PLATFORM;
  const persistentHandle = (isPlatform ? HANDLE.PLATFORM_PERSISTENT : HANDLE.PERSISTENT_FIRST) + dice.below(6);
  yield* world.run("EvictControl", { auth: authFor(persistentHandle), objectHandle: found.handle, persistentHandle });
}

function* saveContext(world: World): Recipe {
  const { dice } = world;
  const session = dice.chance(0.4) ? dice.maybe(world.liveSessions()) : undefined;
  const handle = session?.handle ?? dice.maybe([...world.state.ram.objects.keys()]);
  if (handle === undefined) return;
  const saved = yield* world.run("ContextSave", { saveHandle: world.ref(handle) });
  if (saved.output !== undefined) world.keep(session === undefined ? "context" : "sessionContext", saved.id);
}

function* loadContext(world: World): Recipe {
  const isSession = world.dice.chance(0.5);
  const step = world.kept<number>(isSession ? "sessionContext" : "context");
  if (step === undefined) return;
  if (!isSession) yield* room(world, 1);
  yield* world.run("ContextLoad", { context: outputOf(step, "context") });
}

function* testParms(world: World): Recipe {
  const { publicArea } = template(world.dice, world.dice.pick(KINDS), { policy: EMPTY, mayBeFixed: true });
  yield* world.run("TestParms", { parameters: { type: publicArea.type, parameters: publicArea.parameters } });
}

/** A ticket where none is needed. */
export const NULL_HASHCHECK = { tag: TPM_ST.HASHCHECK, hierarchy: TPM_RH.NULL, digest: EMPTY } as const;

/** Objects: made, loaded, moved, saved, changed and dropped. */
export const OBJECT_RECIPES: readonly NamedRecipe[] = [
  { name: "create a primary key", weight: 6, steps: primary },
  { name: "create and load an object", weight: 6, steps: child },
  { name: "load an object again", weight: 2, steps: loadAgain },
  { name: "create a loaded object", weight: 4, steps: createLoaded },
  { name: "load an external object", weight: 3, steps: loadExternal },
  { name: "read a public area", weight: 2, steps: read },
  { name: "flush an object", weight: 2, steps: flush },
  { name: "unseal", weight: 3, steps: unseal },
  { name: "change an object's authValue", weight: 3, steps: changeAuth },
  { name: "make and activate a credential", weight: 3, steps: credential },
  { name: "duplicate, rewrap and import", weight: 5, steps: duplicate },
  { name: "make persistent, or evict", weight: 3, steps: evict },
  { name: "save a context", weight: 4, steps: saveContext },
  { name: "load a context", weight: 4, steps: loadContext },
  { name: "test parameters", weight: 1, steps: testParms },
];
