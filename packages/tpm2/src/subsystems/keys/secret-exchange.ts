import { bigIntToBytes, generateEccKey, KDFe } from "@vtpm/crypto";
import { type Bytes, EMPTY, encode } from "@vtpm/wire";
import type { Engine } from "../../engine.ts";
import { TPMA_OBJECT } from "../../spec/attributes.ts";
import { TPM_ALG } from "../../spec/constants.ts";
import { TPM_RC } from "../../spec/response-codes.ts";
import { type TPMI_ALG_HASH, TPMS_ECC_POINT } from "../../spec/structures/index.ts";
import { TpmError } from "../../spec/tpm-error.ts";
import type { KEY_SLOT } from "../../state/object.ts";
import { curveOf, pointOnCurve, pointToBytes } from "../curves.ts";
import { digestSizeOf, hashNameOf } from "../hash-algorithms.ts";
import { randomnessOf } from "../randomness.ts";
import { rsaDecrypt, rsaEncrypt } from "../rsa-encryption.ts";
import { type EccPublicArea, eccPrivateKeyOf } from "./ecc-key.ts";
import type { RsaPublicArea } from "./rsa-key.ts";
import { readerOf } from "./unmarshal.ts";

/** What a secret is for: keeps one exchanged for a session from being taken for a duplication seed. */
export type SecretLabel = "SECRET" | "DUPLICATE" | "IDENTITY";

/** A secret and the form in which only the private key can read it. */
export interface ExchangedSecret {
  readonly secret: Bytes;
  readonly encrypted: Bytes;
}

/** The most a decrypted secret can have: the size of a TPM2B_DATA. */
const MAX_SECRET_SIZE = 66;

/**
 * Makes a secret as long as the key's Name digest and encrypts it to the key.
 *
 * @spec Part 1, "Secret Sharing"
 * @rc ATTRIBUTES  the key does not decrypt
 * @rc KEY         the point is not on the key's curve
 * @rc VALUE       the key has no nameAlg
 * @rc FAILURE     the modulus is too small for the digest, or cannot be one
 */
export function encryptSecret(tpm: Engine, key: KEY_SLOT, label: SecretLabel): ExchangedSecret {
  const { publicArea } = key;
  if (!TPMA_OBJECT.has(publicArea.objectAttributes, "decrypt")) throw new TpmError(TPM_RC.ATTRIBUTES);
  switch (publicArea.type) {
    case TPM_ALG.RSA:
      return encryptByRsa(tpm, publicArea, label);
    case TPM_ALG.ECC:
      return exchangeByEcc(tpm, publicArea, label);
    default:
      throw new RangeError("secrets are encrypted to asymmetric keys only");
  }
}

function encryptByRsa(tpm: Engine, publicArea: RsaPublicArea, label: SecretLabel): ExchangedSecret {
  const { nameAlg } = publicArea;
  if (nameAlg === TPM_ALG.NULL) throw new TpmError(TPM_RC.VALUE);
  const secret = tpm.random(digestSizeOf(nameAlg));
  const padding = { scheme: TPM_ALG.OAEP, details: { hashAlg: nameAlg } } as const;
  return { secret, encrypted: rsaEncrypt(tpm, publicArea, padding, withNul(label), secret) };
}

function exchangeByEcc(tpm: Engine, publicArea: EccPublicArea, label: SecretLabel): ExchangedSecret {
  const curve = curveOf(publicArea.parameters.curveID);
  const point = pointOnCurve(curve, publicArea.unique);
  if (point === undefined) throw new TpmError(TPM_RC.KEY);
  if (publicArea.nameAlg === TPM_ALG.NULL) throw new TpmError(TPM_RC.VALUE);
  const ephemeral = generateEccKey(tpm.crypto, curve.name, randomnessOf(tpm));
  const x = tpm.crypto.multiplyX(curve.name, point, ephemeral.d);
  if (x === undefined) throw new TpmError(TPM_RC.KEY);
  const sent = pointToBytes(curve, ephemeral.Q);
  const secret = derive(tpm, publicArea, label, bigIntToBytes(x, curve.fieldSize), sent);
  return { secret, encrypted: encode(TPMS_ECC_POINT, sent) };
}

/**
 * Recovers a secret encrypted to a key. The key's private part is loaded and the key decrypts.
 *
 * @spec Part 1, "Secret Sharing"
 * @rc SCHEME        an RSA key with another padding than OAEP
 * @rc SIZE          not as long as the modulus, or no point
 * @rc INSUFFICIENT  no point
 * @rc VALUE         the padding is wrong
 * @rc ECC_POINT     the point is not on the key's curve
 * @rc NO_RESULT     the product is the point at infinity
 */
export function decryptSecret(tpm: Engine, key: KEY_SLOT, label: SecretLabel, encrypted: Bytes): Bytes {
  const { publicArea } = key;
  switch (publicArea.type) {
    case TPM_ALG.RSA:
      return decryptByRsa(tpm, key, publicArea, label, encrypted);
    case TPM_ALG.ECC:
      return recoverByEcc(tpm, key, publicArea, label, encrypted);
    default:
      throw new RangeError("secrets are encrypted to asymmetric keys only");
  }
}

function decryptByRsa(
  tpm: Engine,
  key: KEY_SLOT,
  publicArea: RsaPublicArea,
  label: SecretLabel,
  encrypted: Bytes,
): Bytes {
  const hashAlg = oaepHashOf(publicArea);
  const padding = { scheme: TPM_ALG.OAEP, details: { hashAlg } } as const;
  const secret = rsaDecrypt(tpm, key, padding, withNul(label), encrypted);
  if (secret.length > MAX_SECRET_SIZE) throw new TpmError(TPM_RC.FAILURE);
  if (secret.length > digestSizeOf(hashAlg)) throw new TpmError(TPM_RC.VALUE);
  return secret;
}

/** A key without a scheme pads with the hash of its Name. */
function oaepHashOf({ nameAlg, parameters: { scheme } }: RsaPublicArea): TPMI_ALG_HASH {
  if (scheme.scheme === TPM_ALG.OAEP) return scheme.details.hashAlg;
  if (scheme.scheme !== TPM_ALG.NULL || nameAlg === TPM_ALG.NULL) throw new TpmError(TPM_RC.SCHEME);
  return nameAlg;
}

function recoverByEcc(
  tpm: Engine,
  key: KEY_SLOT,
  publicArea: EccPublicArea,
  label: SecretLabel,
  encrypted: Bytes,
): Bytes {
  const curve = curveOf(publicArea.parameters.curveID);
  // What follows the point does not matter, as in the reference.
  const sent = readerOf(tpm, encrypted).read(TPMS_ECC_POINT);
  const point = pointOnCurve(curve, sent);
  if (point === undefined) throw new TpmError(TPM_RC.ECC_POINT);
  const x = tpm.crypto.multiplyX(curve.name, point, eccPrivateKeyOf(key));
  if (x === undefined) throw new TpmError(TPM_RC.NO_RESULT);
  return derive(tpm, publicArea, label, bigIntToBytes(x, curve.fieldSize), sent);
}

function derive(
  tpm: Engine,
  { nameAlg, unique }: EccPublicArea,
  label: SecretLabel,
  Z: Bytes,
  ephemeral: TPMS_ECC_POINT,
): Bytes {
  const bits = 8 * digestSizeOf(nameAlg);
  if (bits === 0) return EMPTY;
  const hashAlg = hashNameOf(nameAlg);
  return KDFe(tpm.crypto, { hashAlg, Z, label, partyUInfo: ephemeral.x, partyVInfo: unique.x, bits });
}

/** OAEP hashes the label with its NUL. */
function withNul(label: SecretLabel): Bytes {
  return Uint8Array.from(`${label}\0`, (letter) => letter.charCodeAt(0));
}
