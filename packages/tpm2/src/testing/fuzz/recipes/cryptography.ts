import { EMPTY } from "@vtpm/wire";
import { TPM_ALG } from "../../../spec/constants.ts";
import { TPM_RH } from "../../../spec/handles.ts";
import { type KEY_SLOT, type OBJECT, SLOT } from "../../../state/object.ts";
import { Late } from "../plan.ts";
import { isAttribute, outputOf, type Recipe, type World } from "../world.ts";
import { NULL_HASHCHECK, obtain, room } from "./objects.ts";
import { schemeFor } from "./policies.ts";
import type { NamedRecipe } from "./recipe.ts";

type Key = OBJECT | KEY_SLOT;
const HASHES = [TPM_ALG.SHA256, TPM_ALG.SHA1, TPM_ALG.SHA384, TPM_ALG.SHA512] as const;
const HIERARCHIES = [TPM_RH.OWNER, TPM_RH.ENDORSEMENT, TPM_RH.PLATFORM, TPM_RH.NULL] as const;
/** How everything begins that only a TPM may sign. */
const GENERATED = Uint8Array.of(0xff, 0x54, 0x43, 0x47, 1);
const is = (key: Key, type: number): boolean => key.publicArea.type === type;

/** Signs a digest, with a ticket where the key is restricted, and verifies that. */
function* sign(world: World): Recipe {
  const { dice } = world;
  const key = yield* obtain(
    world,
    (k) => isAttribute(k, "sign") && !is(k, TPM_ALG.SYMCIPHER),
    "eccSign",
    "eccRestrictedSign",
    "rsaSign",
    "hmac",
  );
  if (key === undefined) return;
  let digest: unknown = dice.bytes(32);
  let validation: unknown = NULL_HASHCHECK;
  if (isAttribute(key.key, "restricted") || dice.chance(0.2)) {
    const data = dice.chance(0.05) ? GENERATED : dice.bytes(dice.pick([4, 20, 100]));
    const hierarchy = dice.pick(HIERARCHIES);
    const hashed = yield* world.run("Hash", { data, hashAlg: TPM_ALG.SHA256, hierarchy });
    [digest, validation] = [outputOf(hashed.id, "outHash"), outputOf(hashed.id, "validation")];
  }
  const signed = yield* world.run("Sign", {
    keyHandle: key.handle,
    digest,
    inScheme: schemeFor(world, key.handle),
    validation,
  });
  if (signed.output === undefined) return;
  yield* world.run("VerifySignature", {
    keyHandle: key.handle,
    digest: dice.chance(0.1) ? dice.bytes(32) : digest,
    signature: outputOf(signed.id, "signature"),
  });
}

function* hashing(world: World): Recipe {
  const { dice } = world;
  const data = dice.bytes(dice.pick([0, 1, 55, 64, 200, 1024]));
  yield* world.run("Hash", { data, hashAlg: dice.pick(HASHES), hierarchy: dice.pick(HIERARCHIES) });
}

const isMac = (key: Key): boolean =>
  isAttribute(key, "sign") &&
  (is(key, TPM_ALG.KEYEDHASH) || (is(key, TPM_ALG.SYMCIPHER) && modeOf(key) === TPM_ALG.CMAC));

function modeOf({ publicArea }: Key): number {
  if (publicArea.type !== TPM_ALG.SYMCIPHER) return TPM_ALG.NULL;
  const { sym } = publicArea.parameters;
  return "mode" in sym ? sym.mode : TPM_ALG.NULL;
}

function macScheme(world: World, { publicArea }: Key): number {
  if (publicArea.type === TPM_ALG.SYMCIPHER) return world.dice.pick([TPM_ALG.CMAC, TPM_ALG.NULL]);
  const isOpen = publicArea.type === TPM_ALG.KEYEDHASH && publicArea.parameters.scheme.scheme === TPM_ALG.NULL;
  return isOpen ? world.dice.pick(HASHES) : world.dice.pick([TPM_ALG.NULL, TPM_ALG.SHA256]);
}

function* mac(world: World): Recipe {
  const { dice } = world;
  const key = yield* obtain(world, isMac, "hmac", "symmetric");
  if (key === undefined) return;
  const inScheme = macScheme(world, key.key);
  const buffer = dice.bytes(dice.pick([0, 16, 65, 300]));
  yield* world.run("MAC", { handle: key.handle, buffer, inScheme });
}

function* startSequence(world: World): Recipe {
  const { dice } = world;
  const auth = dice.chance(0.5) ? EMPTY : dice.bytes(4);
  if (dice.chance(0.4)) {
    const key = yield* obtain(world, isMac, "hmac", "symmetric");
    if (key === undefined) return;
    if (world.transientCount >= 3) {
      const other = [...world.state.ram.objects.keys()].find((handle) => handle !== key.handle);
      if (other !== undefined) yield* world.run("FlushContext", { flushHandle: world.ref(other) }, { plain: true });
    }
    yield* world.run("MAC_Start", { handle: key.handle, auth, inScheme: macScheme(world, key.key) });
    return;
  }
  yield* room(world, 1);
  yield* world.run("HashSequenceStart", { auth, hashAlg: dice.pick([...HASHES, TPM_ALG.NULL, TPM_ALG.NULL]) });
}

function* continueSequence(world: World): Recipe {
  const { dice } = world;
  const sequence = dice.maybe(world.sequences());
  if (sequence === undefined) return yield* startSequence(world);
  const sequenceHandle = sequence.handle;
  const buffer = dice.bytes(dice.pick([0, 4, 64, 130, 1024]));
  if (dice.chance(0.5)) {
    yield* world.run("SequenceUpdate", { sequenceHandle, buffer });
    return;
  }
  const isEvent = sequence.object.kind === SLOT.SEQUENCE && sequence.object.hashes.length > 1;
  if (isEvent && dice.chance(0.9)) {
    const pcrHandle = dice.chance(0.3) ? TPM_RH.NULL : dice.below(24);
    yield* world.run("EventSequenceComplete", { pcrHandle, sequenceHandle, buffer });
  } else {
    yield* world.run("SequenceComplete", { sequenceHandle, buffer, hierarchy: dice.pick(HIERARCHIES) });
  }
}

function* cipher(world: World): Recipe {
  const { dice } = world;
  const key = yield* obtain(world, (k) => is(k, TPM_ALG.SYMCIPHER) && !isAttribute(k, "restricted"), "symmetric");
  if (key === undefined || key.key.publicArea.type !== TPM_ALG.SYMCIPHER) return;
  const { sym } = key.key.publicArea.parameters;
  const own = modeOf(key.key);
  const mode =
    own === TPM_ALG.NULL
      ? dice.pick([TPM_ALG.CFB, TPM_ALG.CBC, TPM_ALG.CTR, TPM_ALG.OFB, TPM_ALG.ECB])
      : dice.chance(0.8)
        ? TPM_ALG.NULL
        : own;
  const used = own === TPM_ALG.NULL ? mode : own;
  const blockSize = sym.algorithm === TPM_ALG.TDES ? 8 : 16;
  const input = {
    keyHandle: key.handle,
    decrypt: dice.chance(0.3) && isAttribute(key.key, "decrypt") ? 1 : 0,
    mode: mode === TPM_ALG.CMAC ? TPM_ALG.NULL : mode,
    ivIn: dice.bytes(used === TPM_ALG.ECB ? 0 : blockSize),
    inData: dice.bytes(dice.pick([0, 16, 32, 48, 100, 1024])),
  };
  yield* world.run(dice.chance(0.5) ? "EncryptDecrypt" : "EncryptDecrypt2", input);
}

function* rsa(world: World): Recipe {
  const { dice } = world;
  const key = yield* obtain(
    world,
    (k) => is(k, TPM_ALG.RSA) && isAttribute(k, "decrypt") && !isAttribute(k, "restricted"),
    "rsaDecrypt",
  );
  if (key === undefined) return;
  const own = key.key.publicArea.type === TPM_ALG.RSA ? key.key.publicArea.parameters.scheme.scheme : TPM_ALG.NULL;
  const inScheme =
    own !== TPM_ALG.NULL
      ? { scheme: TPM_ALG.NULL }
      : dice.pick([
          { scheme: TPM_ALG.NULL },
          { scheme: TPM_ALG.OAEP, details: { hashAlg: TPM_ALG.SHA256 } },
          { scheme: TPM_ALG.OAEP, details: { hashAlg: TPM_ALG.SHA1 } },
          { scheme: TPM_ALG.RSAES, details: {} },
        ]);
  const label = dice.chance(0.6) ? EMPTY : Uint8Array.of(...dice.bytes(3).map((b) => b || 1), 0);
  const message = dice.bytes(dice.pick([0, 1, 32, 60]));
  const made = yield* world.run("RSA_Encrypt", { keyHandle: key.handle, message, inScheme, label });
  // Below any modulus: keys that are made of random numbers are not the same in two TPMs.
  const nonsense = Uint8Array.of(0, ...dice.bytes(255));
  const cipherText = made.output === undefined || dice.chance(0.05) ? nonsense : outputOf(made.id, "outData");
  yield* world.run("RSA_Decrypt", { keyHandle: key.handle, cipherText, inScheme, label });
}

const isExchange = (key: Key): boolean =>
  is(key, TPM_ALG.ECC) && isAttribute(key, "decrypt") && !isAttribute(key, "restricted");

function* ecdh(world: World): Recipe {
  const { dice } = world;
  const key = yield* obtain(world, isExchange, "eccDecrypt");
  if (key === undefined) return;
  const made = yield* world.run("ECDH_KeyGen", { keyHandle: key.handle });
  const inPoint = outputOf<object>(made.id, dice.chance(0.5) ? "pubPoint" : "zPoint");
  yield* world.run("ECDH_ZGen", { keyHandle: key.handle, inPoint });
}

function* encryptEcc(world: World): Recipe {
  const { dice } = world;
  const key = yield* obtain(world, isExchange, "eccDecrypt");
  if (key === undefined) return;
  const details = { hashAlg: TPM_ALG.SHA256 };
  const inScheme = { scheme: dice.pick([TPM_ALG.KDF2, TPM_ALG.KDF1_SP800_56A]), details };
  const plainText = dice.bytes(dice.pick([1, 32, 100]));
  const made = yield* world.run("ECC_Encrypt", { keyHandle: key.handle, plainText, inScheme });
  const boxes = { C1: outputOf(made.id, "C1"), C2: outputOf(made.id, "C2"), C3: outputOf(made.id, "C3") };
  yield* world.run("ECC_Decrypt", { keyHandle: key.handle, ...boxes, inScheme });
}

function* twoPhase(world: World): Recipe {
  const { dice } = world;
  const key = yield* obtain(
    world,
    (k) => isExchange(k) && k.publicArea.type === TPM_ALG.ECC && k.publicArea.parameters.scheme.scheme === TPM_ALG.NULL,
    "eccDecrypt",
  );
  if (key === undefined || key.key.publicArea.type !== TPM_ALG.ECC) return;
  const { curveID } = key.key.publicArea.parameters;
  const ephemeral = yield* world.run("EC_Ephemeral", { curveID });
  const other = yield* world.run("ECDH_KeyGen", { keyHandle: key.handle });
  const inScheme = dice.pick([TPM_ALG.ECDH, TPM_ALG.ECMQV, TPM_ALG.SM2]);
  yield* world.run("ZGen_2Phase", {
    keyA: key.handle,
    inQsB: outputOf(other.id, "pubPoint"),
    inQeB: outputOf(other.id, "zPoint"),
    inScheme,
    counter: outputOf(ephemeral.id, "counter"),
  });
}

/** ECDAA: a commitment, and a signature that uses it up. */
function* commit(world: World): Recipe {
  const { dice } = world;
  const key = yield* obtain(
    world,
    (k) =>
      k.publicArea.type === TPM_ALG.ECC &&
      isAttribute(k, "sign") &&
      [TPM_ALG.ECDAA, TPM_ALG.NULL].some(
        (s) => s === (k.publicArea.type === TPM_ALG.ECC ? k.publicArea.parameters.scheme.scheme : 0),
      ),
    "eccSign",
  );
  if (key === undefined) return;
  const area = key.key.publicArea;
  const scheme = area.type === TPM_ALG.ECC ? area.parameters.scheme.scheme : 0;
  const P1 = dice.chance(0.5)
    ? { x: EMPTY, y: EMPTY }
    : area.type === TPM_ALG.ECC
      ? area.unique
      : { x: EMPTY, y: EMPTY };
  const made = yield* world.run("Commit", {
    signHandle: key.handle,
    P1: dice.chance(0.5) ? P1 : { x: EMPTY, y: EMPTY },
    s2: EMPTY,
    y2: EMPTY,
  });
  const count = new Late((past) => Number(past.output(made.id)?.["counter"] ?? 0));
  yield* world.run("Sign", {
    keyHandle: key.handle,
    digest: dice.bytes(32),
    inScheme:
      scheme === TPM_ALG.NULL || scheme === TPM_ALG.ECDAA
        ? { scheme: TPM_ALG.ECDAA, details: { hashAlg: TPM_ALG.SHA256, count } }
        : { scheme: TPM_ALG.NULL },
    validation: NULL_HASHCHECK,
  });
}

function* parameters(world: World): Recipe {
  const curveID = world.dice.pick(world.profile.curves);
  yield* world.run("ECC_Parameters", { curveID });
}

function* random(world: World): Recipe {
  const { dice } = world;
  if (dice.chance(0.2)) yield* world.run("StirRandom", { inData: dice.bytes(dice.below(100)) });
  else yield* world.run("GetRandom", { bytesRequested: dice.below(70) });
}

/** What keys do. */
export const CRYPTO_RECIPES: readonly NamedRecipe[] = [
  { name: "sign and verify", weight: 6, steps: sign },
  { name: "hash", weight: 2, steps: hashing },
  { name: "compute a MAC", weight: 3, steps: mac },
  { name: "start a sequence", weight: 3, steps: startSequence },
  { name: "continue or complete a sequence", weight: 7, steps: continueSequence },
  { name: "encrypt or decrypt", weight: 5, steps: cipher },
  { name: "encrypt and decrypt by RSA", weight: 3, steps: rsa },
  { name: "exchange keys", weight: 3, steps: ecdh },
  { name: "encrypt and decrypt by ECC", weight: 2, steps: encryptEcc },
  { name: "exchange keys in two phases", weight: 2, steps: twoPhase },
  { name: "commit and sign", weight: 3, steps: commit },
  { name: "read curve parameters", weight: 1, steps: parameters },
  { name: "random numbers", weight: 2, steps: random },
];
