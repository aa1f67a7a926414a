import { TPMA_OBJECT } from "../spec/attributes.ts";
import { TPM_ALG } from "../spec/constants.ts";
import type {
  TPMT_ASYM_SCHEME_NULLABLE,
  TPMT_KEYEDHASH_SCHEME_NULLABLE,
  TPMT_PUBLIC_NULLABLE,
  TPMT_SIG_SCHEME,
  TPMT_SIG_SCHEME_NULLABLE,
} from "../spec/structures/index.ts";

/** Whether signatures of the scheme do not tell who signed: then what is signed must not tell it either. */
export const isAnonymous = (scheme: number): boolean => scheme === TPM_ALG.ECDAA;

/** Whether a key may sign data of the TPM. */
export function isSigningKey({ type, objectAttributes }: TPMT_PUBLIC_NULLABLE): boolean {
  return TPMA_OBJECT.has(objectAttributes, "sign") && type !== TPM_ALG.SYMCIPHER;
}

/**
 * The scheme that a key signs with: its own, or the one that the command names, which must be the same if both are there.
 * `undefined` if they do not go together, or the scheme is not one for this kind of key.
 *
 * @spec Part 3, "TPM2_Sign"
 */
export function selectSignScheme(
  publicArea: TPMT_PUBLIC_NULLABLE,
  inScheme: TPMT_SIG_SCHEME_NULLABLE,
): TPMT_SIG_SCHEME | undefined {
  if (publicArea.type === TPM_ALG.SYMCIPHER) return undefined;
  const own = publicArea.parameters.scheme;
  const scheme = inScheme.scheme === TPM_ALG.NULL ? ofKey(own) : inScheme;
  if (scheme === undefined || !signsWith(publicArea.type, scheme.scheme)) return undefined;
  if (own.scheme === TPM_ALG.NULL || scheme === own) return scheme;
  const same = ofKey(own, true);
  const agrees = same?.scheme === scheme.scheme && same.details.hashAlg === scheme.details.hashAlg;
  return agrees ? scheme : undefined;
}

/** The key's scheme if it signs. A signature in two halves needs the count of the first one, so the key's is not enough. */
function ofKey(
  scheme: TPMT_ASYM_SCHEME_NULLABLE | TPMT_KEYEDHASH_SCHEME_NULLABLE,
  split = false,
): TPMT_SIG_SCHEME | undefined {
  switch (scheme.scheme) {
    case TPM_ALG.RSASSA:
    case TPM_ALG.RSAPSS:
    case TPM_ALG.ECDSA:
    case TPM_ALG.SM2:
    case TPM_ALG.ECSCHNORR:
    case TPM_ALG.HMAC:
      return scheme;
    case TPM_ALG.ECDAA:
      return split ? scheme : undefined;
    default:
      return undefined;
  }
}

/** Whether a signature scheme is one for the type of key. */
function signsWith(type: TPMT_PUBLIC_NULLABLE["type"], scheme: TPMT_SIG_SCHEME["scheme"]): boolean {
  switch (scheme) {
    case TPM_ALG.RSASSA:
    case TPM_ALG.RSAPSS:
      return type === TPM_ALG.RSA;
    case TPM_ALG.HMAC:
      return type === TPM_ALG.KEYEDHASH;
    default:
      return type === TPM_ALG.ECC;
  }
}
