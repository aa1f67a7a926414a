import { bytesToBigInt, gcd, isTdesKeyUsable } from "@vtpm/crypto";
import { type Bytes, equalBytes } from "@vtpm/wire";
import type { Engine } from "../../engine.ts";
import { TPMA_OBJECT } from "../../spec/attributes.ts";
import { TPM_ALG } from "../../spec/constants.ts";
import { type FormatOneRc, TPM_RC } from "../../spec/response-codes.ts";
import type { TPMT_PUBLIC_NULLABLE, TPMT_SENSITIVE } from "../../spec/structures/index.ts";
import { TpmError } from "../../spec/tpm-error.ts";
import { curveOf, pointOnCurve } from "../curves.ts";
import { blockSizeOf, digestSizeOf } from "../hash-algorithms.ts";
import { type RsaPublicArea, rsaPublicKeyOf } from "./rsa-key.ts";
import { symmetricUnique } from "./symmetric-unique.ts";

/** How a command blames its parameter with the public or the sensitive area. */
export interface Blame {
  public(rc: FormatOneRc): TpmError;
  sensitive(rc: FormatOneRc): TpmError;
}

type PublicOf<T extends number> = Extract<TPMT_PUBLIC_NULLABLE, { readonly type: T }>;

const MAX_DATA_SIZE = 128;
const SMALLEST_EXPONENT = 7;
/** The top bit is set: the number is as long as it should be. */
const isFullLength = (first: number | undefined): boolean => first !== undefined && first >= 0x80;

/**
 * Whether the areas of an object that somebody else made are of one piece.
 *
 * @spec Part 1, "Object Structure Elements"; the order of the checks is the reference's
 * @rc TYPE (sensitive)      of another type than the public area
 * @rc SIZE (sensitive)      authValue longer than a digest of nameAlg, or the seed of a storage key too short or too long
 * @rc KEY (public)          the public key has the wrong size
 * @rc VALUE (public)        an RSA exponent that is too small
 * @rc ECC_POINT (public)    not on the curve
 * @rc KEY (sensitive)       a TDES key that must not be used
 * @rc KEY_SIZE (sensitive)  the private key has the wrong size
 * @rc KEY_SIZE              an ECC key out of range
 * @rc BINDING               public and private key do not belong together
 */
export function validateKeys(
  tpm: Engine,
  publicArea: TPMT_PUBLIC_NULLABLE,
  sensitive: TPMT_SENSITIVE | undefined,
  blame: Blame,
): void {
  const digestSize = digestSizeOf(publicArea.nameAlg);
  if (sensitive !== undefined) {
    if (publicArea.type !== sensitive.sensitiveType) throw blame.sensitive(TPM_RC.TYPE);
    if (digestSize > 0 && sensitive.authValue.length > digestSize) throw blame.sensitive(TPM_RC.SIZE);
  }
  switch (publicArea.type) {
    case TPM_ALG.RSA:
      validateRsa(publicArea, sensitive, blame);
      break;
    case TPM_ALG.ECC:
      validateEcc(tpm, publicArea, sensitive, blame);
      break;
    default:
      if (sensitive !== undefined) validateSymmetric(tpm, publicArea, sensitive, blame);
      else if (publicArea.unique.length !== digestSize) throw blame.public(TPM_RC.KEY);
  }
  const isStorage =
    TPMA_OBJECT.has(publicArea.objectAttributes, "restricted") &&
    TPMA_OBJECT.has(publicArea.objectAttributes, "decrypt");
  if (isStorage && sensitive !== undefined && publicArea.nameAlg !== TPM_ALG.NULL) {
    const { length } = sensitive.seedValue;
    if (length < digestSize / 2 || length > digestSize) throw blame.sensitive(TPM_RC.SIZE);
  }
}

function validateRsa({ parameters, unique }: RsaPublicArea, sensitive: TPMT_SENSITIVE | undefined, blame: Blame): void {
  const size = parameters.keyBits / 8;
  if (unique.length !== size || !isFullLength(unique[0])) throw blame.public(TPM_RC.KEY);
  if (parameters.exponent !== 0 && parameters.exponent < SMALLEST_EXPONENT) throw blame.public(TPM_RC.VALUE);
  if (sensitive === undefined) return;
  const prime = sensitive.sensitive;
  if (prime.length * 2 !== size || !isFullLength(prime[0])) throw blame.sensitive(TPM_RC.KEY_SIZE);
}

function validateEcc(
  tpm: Engine,
  { nameAlg, parameters, unique }: PublicOf<typeof TPM_ALG.ECC>,
  sensitive: TPMT_SENSITIVE | undefined,
  blame: Blame,
): void {
  const curve = curveOf(parameters.curveID);
  if (sensitive === undefined) {
    if (unique.x.length !== curve.fieldSize || unique.y.length !== curve.fieldSize) throw blame.public(TPM_RC.KEY);
    if (nameAlg !== TPM_ALG.NULL && pointOnCurve(curve, unique) === undefined) throw blame.public(TPM_RC.ECC_POINT);
    return;
  }
  const d = bytesToBigInt(sensitive.sensitive);
  if (d === 0n || d >= curve.n) throw new TpmError(TPM_RC.KEY_SIZE);
  if (nameAlg === TPM_ALG.NULL) return;
  const Q = tpm.crypto.multiplyBase(curve.name, d);
  if (Q?.x !== bytesToBigInt(unique.x) || Q.y !== bytesToBigInt(unique.y)) throw new TpmError(TPM_RC.BINDING);
}

function validateSymmetric(
  tpm: Engine,
  publicArea: PublicOf<typeof TPM_ALG.SYMCIPHER> | PublicOf<typeof TPM_ALG.KEYEDHASH>,
  sensitive: TPMT_SENSITIVE,
  blame: Blame,
): void {
  const key = sensitive.sensitive;
  if (publicArea.type === TPM_ALG.SYMCIPHER) {
    const { algorithm, keyBits } = publicArea.parameters.sym;
    if (key.length !== keyBits / 8) throw blame.sensitive(TPM_RC.KEY_SIZE);
    if (algorithm === TPM_ALG.TDES && !isTdesKeyUsable(key)) throw blame.sensitive(TPM_RC.KEY);
  } else {
    const { scheme } = publicArea.parameters;
    const max = scheme.scheme === TPM_ALG.NULL ? MAX_DATA_SIZE : blockSizeOf(scheme.details.hashAlg);
    if (key.length > max) throw blame.sensitive(TPM_RC.KEY_SIZE);
  }
  if (publicArea.nameAlg === TPM_ALG.NULL) return;
  if (sensitive.seedValue.length !== digestSizeOf(publicArea.nameAlg)) throw blame.sensitive(TPM_RC.KEY_SIZE);
  if (!equalBytes(publicArea.unique, symmetricUnique(tpm, publicArea, sensitive.seedValue, key))) {
    throw new TpmError(TPM_RC.BINDING);
  }
}

/**
 * Whether the prime divides the modulus and the exponent can be inverted: then the private key is complete.
 *
 * @rc BINDING  it does not, or cannot
 */
export function checkRsaPrivateKey(publicArea: RsaPublicArea, prime: Bytes): void {
  const { modulus, exponent } = rsaPublicKeyOf(publicArea);
  const [n, p, e] = [bytesToBigInt(modulus), bytesToBigInt(prime), BigInt(exponent)];
  if (p < 2n || n % p !== 0n) throw new TpmError(TPM_RC.BINDING);
  const q = n / p;
  if (gcd(e, p - 1n) !== 1n || gcd(e, q - 1n) !== 1n || gcd(p, q) !== 1n) throw new TpmError(TPM_RC.BINDING);
}
