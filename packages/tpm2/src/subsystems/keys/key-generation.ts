import {
  bigIntToBytes,
  Drbg,
  generateEccKey,
  generateSymmetricKey,
  isTdesKeyUsable,
  type RandomSource,
  type SeedLevel,
} from "@vtpm/crypto";
import { type Bytes, EMPTY } from "@vtpm/wire";
import type { Job, JobResult } from "../../dispatch/job.ts";
import type { Engine } from "../../engine.ts";
import { TPMA_OBJECT } from "../../spec/attributes.ts";
import { TPM_ALG } from "../../spec/constants.ts";
import { TPM_RC } from "../../spec/response-codes.ts";
import type { TPMT_PUBLIC, TPMT_SENSITIVE } from "../../spec/structures/index.ts";
import { TpmError } from "../../spec/tpm-error.ts";
import { cipherOf } from "../ciphers.ts";
import { curveOf, pointToBytes } from "../curves.ts";
import { blockSizeOf, digestSizeOf } from "../hash-algorithms.ts";
import { nameOfPublic } from "./names.ts";
import { checkPair } from "./pairwise-consistency.ts";
import { rsaPublicKeyOf } from "./rsa-key.ts";
import { symmetricUnique } from "./symmetric-unique.ts";

/** Where the bytes of a key come from. */
export interface KeySource {
  /** A seeded generator, or the key derivation of a derived object. RSA keys need a generator. */
  readonly random: Drbg | RandomSource;
  /** How primes are searched for. */
  readonly level: SeedLevel;
  /** Mixed into the generator between the key and its seedValue. */
  readonly stir: readonly Bytes[];
}

/** What TPM2_Create and its relatives ask for, after their checks. */
export interface KeyRequest {
  readonly template: TPMT_PUBLIC;
  /** Padded to the size of the Name's digest. */
  readonly userAuth: Bytes;
  /** The secret given by the caller; empty: the TPM makes one. */
  readonly data: Bytes;
  readonly source: KeySource;
}

/** An object that has just been made. */
export interface CreatedKey {
  readonly publicArea: TPMT_PUBLIC;
  readonly sensitive: TPMT_SENSITIVE;
  readonly name: Bytes;
}

type Template<T extends number> = Extract<TPMT_PUBLIC, { readonly type: T }>;

/**
 * Makes the key, the seedValue and the Name of an object.
 *
 * @spec Part 1, "Object Creation"; the order in which bytes are drawn is libtpms', keys depend on it
 * @rc RANGE     the RSA exponent is not supported
 * @rc KEY_SIZE  the symmetric key given has another size
 * @rc KEY       the TDES key given must not be used
 * @rc SIZE      the HMAC or XOR key given is longer than a block of the hash
 */
export function* createKey(tpm: Engine, request: KeyRequest): Generator<Job, CreatedKey, JobResult> {
  const { template, userAuth, source } = request;
  const { nameAlg, objectAttributes } = template;
  const data = TPMA_OBJECT.has(objectAttributes, "sensitiveDataOrigin") ? EMPTY : request.data;
  const seedSize = digestSizeOf(nameAlg);
  const isStorage = TPMA_OBJECT.has(objectAttributes, "restricted") && !TPMA_OBJECT.has(objectAttributes, "sign");
  const authValue = userAuth;
  switch (template.type) {
    case TPM_ALG.RSA: {
      const { modulus, prime, random } = yield* generateRsa(tpm, template, source);
      const seed = drawSeed(random, source.stir, seedSize);
      const seedValue = isStorage ? seed : EMPTY;
      const sensitive = { sensitiveType: TPM_ALG.RSA, authValue, seedValue, sensitive: prime };
      return named(tpm, { ...template, unique: modulus }, sensitive);
    }
    case TPM_ALG.ECC: {
      const curve = curveOf(template.parameters.curveID);
      // libtpms signs with each new key to see whether it is one.
      tpm.countAsTested(TPM_ALG.ECDSA);
      const { d, Q } = generateEccKey(tpm.crypto, curve.name, source.random);
      const seed = drawSeed(source.random, source.stir, seedSize);
      const seedValue = isStorage ? seed : EMPTY;
      const scalar = bigIntToBytes(d, curve.fieldSize);
      const sensitive = { sensitiveType: TPM_ALG.ECC, authValue, seedValue, sensitive: scalar };
      return named(tpm, { ...template, unique: pointToBytes(curve, Q) }, sensitive);
    }
    case TPM_ALG.SYMCIPHER: {
      const key = cipherKey(template, data, source.random);
      const seedValue = drawSeed(source.random, source.stir, seedSize);
      const sensitive = { sensitiveType: TPM_ALG.SYMCIPHER, authValue, seedValue, sensitive: key };
      return named(tpm, { ...template, unique: symmetricUnique(tpm, template, seedValue, key) }, sensitive);
    }
    case TPM_ALG.KEYEDHASH: {
      const key = keyedHashKey(template, data, source.random);
      const seedValue = drawSeed(source.random, source.stir, seedSize);
      const sensitive = { sensitiveType: TPM_ALG.KEYEDHASH, authValue, seedValue, sensitive: key };
      return named(tpm, { ...template, unique: symmetricUnique(tpm, template, seedValue, key) }, sensitive);
    }
  }
}

function named(tpm: Engine, publicArea: TPMT_PUBLIC, sensitive: TPMT_SENSITIVE): CreatedKey {
  checkPair(tpm, publicArea, sensitive);
  return { publicArea, sensitive, name: nameOfPublic(tpm, publicArea) };
}

function drawSeed(random: Drbg | RandomSource, stir: readonly Bytes[], size: number): Bytes {
  if (random instanceof Drbg) for (const secret of stir) random.additional(secret);
  return random.generate(size);
}

function* generateRsa(
  tpm: Engine,
  template: Template<typeof TPM_ALG.RSA>,
  { random, level }: KeySource,
): Generator<Job, { readonly modulus: Bytes; readonly prime: Bytes; readonly random: Drbg }, JobResult> {
  if (!(random instanceof Drbg)) throw new RangeError("an RSA key comes from a generator only");
  const { exponent } = rsaPublicKeyOf(template);
  if (exponent < 65537 || !tpm.crypto.isPrime(BigInt(exponent))) throw new TpmError(TPM_RC.RANGE);
  const { modulus, prime, generator } = yield {
    kind: "rsaKey",
    generator: random.exportState(),
    keyBits: template.parameters.keyBits,
    exponent,
    level,
    sign: TPMA_OBJECT.has(template.objectAttributes, "sign"),
  };
  return { modulus, prime, random: Drbg.fromState(tpm.platform.crypto, generator) };
}

function cipherKey(
  { parameters: { sym } }: Template<typeof TPM_ALG.SYMCIPHER>,
  data: Bytes,
  random: RandomSource,
): Bytes {
  const size = sym.keyBits / 8;
  if (data.length === 0) return generateSymmetricKey(cipherOf(sym.algorithm).name, size, random);
  if (data.length !== size) throw new TpmError(TPM_RC.KEY_SIZE);
  if (sym.algorithm === TPM_ALG.TDES && !isTdesKeyUsable(data)) throw new TpmError(TPM_RC.KEY);
  return data;
}

function keyedHashKey(template: Template<typeof TPM_ALG.KEYEDHASH>, data: Bytes, random: RandomSource): Bytes {
  const { scheme } = template.parameters;
  const hashAlg = scheme.scheme === TPM_ALG.NULL ? template.nameAlg : scheme.details.hashAlg;
  if (data.length === 0) return random.generate(digestSizeOf(hashAlg));
  const isKey =
    TPMA_OBJECT.has(template.objectAttributes, "decrypt") || TPMA_OBJECT.has(template.objectAttributes, "sign");
  if (isKey && data.length > blockSizeOf(hashAlg)) throw new TpmError(TPM_RC.SIZE);
  return data;
}
