import { encode, equalBytes } from "@vtpm/wire";
import { TPMA_OBJECT } from "../../spec/attributes.ts";
import { TPM_ALG } from "../../spec/constants.ts";
import { TPM_RC } from "../../spec/response-codes.ts";
import {
  type TPMS_KEYEDHASH_PARMS,
  type TPMS_SYMCIPHER_PARMS,
  type TPMT_PUBLIC_NULLABLE,
  TPMT_SYM_DEF_OBJECT_NULLABLE,
} from "../../spec/structures/index.ts";
import { TpmError } from "../../spec/tpm-error.ts";

const { RSASSA, RSAPSS, RSAES, OAEP, ECDSA, ECDAA, ECSCHNORR, SM2, ECDH, ECMQV } = TPM_ALG;
const SIGN_SCHEMES: readonly number[] = [RSASSA, RSAPSS, ECDSA, ECDAA, ECSCHNORR, SM2];
const DECRYPT_SCHEMES: readonly number[] = [RSAES, OAEP, ECDH, ECMQV, SM2];

type AsymmetricPublic = Extract<
  TPMT_PUBLIC_NULLABLE,
  { readonly type: typeof TPM_ALG.RSA } | { readonly type: typeof TPM_ALG.ECC }
>;

/**
 * Whether an object's algorithms agree with what it is for, and those of a storage key with its parent's.
 *
 * @spec Part 1, "Object Templates"; the order of the checks is the reference's
 * @rc SCHEME     the scheme does not fit the object's use
 * @rc SYMMETRIC  a storage key without a symmetric algorithm, or with another than its parent's; any other key with one
 * @rc KDF        an ECC key with a key derivation of its own
 * @rc HASH       a storage key that stays with its parent has another nameAlg
 */
export function checkSchemes(parent: TPMT_PUBLIC_NULLABLE | undefined, publicArea: TPMT_PUBLIC_NULLABLE): void {
  switch (publicArea.type) {
    case TPM_ALG.SYMCIPHER:
      checkCipher(publicArea.objectAttributes, publicArea.parameters);
      break;
    case TPM_ALG.KEYEDHASH:
      checkKeyedHash(publicArea.objectAttributes, publicArea.parameters);
      break;
    default:
      checkAsymmetric(publicArea);
  }
  checkStorage(parent, publicArea);
}

function checkCipher(attributes: number, { sym }: TPMS_SYMCIPHER_PARMS): void {
  if (TPMA_OBJECT.has(attributes, "decrypt") && sym.mode === TPM_ALG.CMAC) throw new TpmError(TPM_RC.SCHEME);
}

function checkKeyedHash(attributes: number, { scheme }: TPMS_KEYEDHASH_PARMS): void {
  const signs = TPMA_OBJECT.has(attributes, "sign");
  const decrypts = TPMA_OBJECT.has(attributes, "decrypt");
  const expected = signs === decrypts ? TPM_ALG.NULL : signs ? TPM_ALG.HMAC : TPM_ALG.XOR;
  if (scheme.scheme !== expected) throw new TpmError(TPM_RC.SCHEME);
  // A parent of derived objects.
  if (scheme.scheme === TPM_ALG.XOR && TPMA_OBJECT.has(attributes, "restricted")) {
    if (scheme.details.kdf !== TPM_ALG.KDF1_SP800_108) throw new TpmError(TPM_RC.SCHEME);
  }
}

function checkAsymmetric(publicArea: AsymmetricPublic): void {
  const { objectAttributes: attributes, parameters } = publicArea;
  const isRestricted = TPMA_OBJECT.has(attributes, "restricted");
  const decrypts = TPMA_OBJECT.has(attributes, "decrypt");
  if (!fitsUse(parameters.scheme.scheme, TPMA_OBJECT.has(attributes, "sign"), decrypts, isRestricted)) {
    throw new TpmError(TPM_RC.SCHEME);
  }
  if (!(isRestricted && decrypts) && parameters.symmetric.algorithm !== TPM_ALG.NULL) {
    throw new TpmError(TPM_RC.SYMMETRIC);
  }
  if (publicArea.type === TPM_ALG.ECC && publicArea.parameters.kdf.scheme !== TPM_ALG.NULL) {
    throw new TpmError(TPM_RC.KDF);
  }
}

function fitsUse(scheme: number, signs: boolean, decrypts: boolean, isRestricted: boolean): boolean {
  const isNull = scheme === TPM_ALG.NULL;
  if (signs === decrypts) return isNull;
  if (signs) return SIGN_SCHEMES.includes(scheme) || (isNull && !isRestricted);
  return isNull || (!isRestricted && DECRYPT_SCHEMES.includes(scheme));
}

function checkStorage(parent: TPMT_PUBLIC_NULLABLE | undefined, publicArea: TPMT_PUBLIC_NULLABLE): void {
  const { objectAttributes: attributes } = publicArea;
  if (!TPMA_OBJECT.has(attributes, "restricted") || !TPMA_OBJECT.has(attributes, "decrypt")) return;
  const symmetric = symmetricOf(publicArea);
  if (symmetric === undefined) return;
  if (symmetric.algorithm === TPM_ALG.NULL) throw new TpmError(TPM_RC.SYMMETRIC);
  if (parent === undefined || !TPMA_OBJECT.has(attributes, "fixedParent")) return;
  if (publicArea.nameAlg !== parent.nameAlg) throw new TpmError(TPM_RC.HASH);
  const parents = symmetricOf(parent);
  const isSame =
    parents !== undefined &&
    equalBytes(encode(TPMT_SYM_DEF_OBJECT_NULLABLE, symmetric), encode(TPMT_SYM_DEF_OBJECT_NULLABLE, parents));
  if (!isSame) throw new TpmError(TPM_RC.SYMMETRIC);
}

/** The cipher that a storage key protects its children with; a keyed hash has none. */
export function symmetricOf(publicArea: TPMT_PUBLIC_NULLABLE): TPMT_SYM_DEF_OBJECT_NULLABLE | undefined {
  switch (publicArea.type) {
    case TPM_ALG.KEYEDHASH:
      return undefined;
    case TPM_ALG.SYMCIPHER:
      return publicArea.parameters.sym;
    default:
      return publicArea.parameters.symmetric;
  }
}
