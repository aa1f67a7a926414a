import { decodeOaep, decodeRsaes, encodeOaep, encodeRsaes } from "@vtpm/crypto";
import type { Bytes } from "@vtpm/wire";
import type { Engine } from "../engine.ts";
import { TPM_ALG } from "../spec/constants.ts";
import { TPM_RC } from "../spec/response-codes.ts";
import type { TPMT_ASYM_SCHEME_NULLABLE, TPMT_RSA_DECRYPT_NULLABLE } from "../spec/structures/index.ts";
import { TpmError } from "../spec/tpm-error.ts";
import type { KEY_SLOT } from "../state/object.ts";
import { refusing } from "./crypto-refusal.ts";
import { hashNameOf } from "./hash-algorithms.ts";
import { type RsaPublicArea, rsaPrivateKeyOf, rsaPublicKeyOf } from "./keys/rsa-key.ts";
import { randomnessOf } from "./randomness.ts";

/** The padding a key is used with; that of a signing key is one that nothing is encrypted with. */
type Padding = TPMT_ASYM_SCHEME_NULLABLE | TPMT_RSA_DECRYPT_NULLABLE;

/** The key's padding, or the one that the command names; `undefined` if both are there and differ. */
export function selectPadding(key: RsaPublicArea, inScheme: TPMT_RSA_DECRYPT_NULLABLE): Padding | undefined {
  const own = key.parameters.scheme;
  if (own.scheme === TPM_ALG.NULL) return inScheme;
  if (inScheme.scheme === TPM_ALG.NULL) return own;
  if (own.scheme !== inScheme.scheme) return undefined;
  const differs =
    own.scheme === TPM_ALG.OAEP && inScheme.scheme === TPM_ALG.OAEP && own.details.hashAlg !== inScheme.details.hashAlg;
  return differs ? undefined : inScheme;
}

/** Whether a label may be hashed for OAEP: empty, or ended by a NUL as in the formulas of Part 1. */
export const isLabel = (label: Bytes): boolean => label.length === 0 || label.at(-1) === 0;

/**
 * Encrypts a message of at most the size that the padding leaves.
 *
 * @rc VALUE    without padding: the message is longer than the modulus
 * @rc FAILURE  the message does not fit, or without padding is not below the modulus; libtpms' answer, and only an answer
 * @rc SCHEME   the key's scheme is for signing, or there is none and the profile demands one
 */
export function rsaEncrypt(tpm: Engine, key: RsaPublicArea, padding: Padding, label: Bytes, message: Bytes): Bytes {
  const { modulus, exponent } = rsaPublicKeyOf(key);
  tpm.countAsTested(padding.scheme);
  return refusing(TPM_RC.FAILURE, () =>
    tpm.crypto.rsaPublic(modulus, exponent, pad(tpm, padding, label, message, modulus.length)),
  );
}

function pad(tpm: Engine, padding: Padding, label: Bytes, message: Bytes, size: number): Bytes {
  switch (padding.scheme) {
    case TPM_ALG.NULL: {
      refuseUnpadded(tpm);
      const start = message.findIndex((byte) => byte !== 0);
      const number = start === -1 ? new Uint8Array(0) : message.slice(start);
      if (number.length > size) throw new TpmError(TPM_RC.VALUE);
      const block = new Uint8Array(size);
      block.set(number, size - number.length);
      return block;
    }
    case TPM_ALG.RSAES:
      return encodeRsaes(message, size, randomnessOf(tpm));
    case TPM_ALG.OAEP:
      return encodeOaep(tpm.crypto, hashNameOf(padding.details.hashAlg), label, message, size, randomnessOf(tpm));
    default:
      throw new TpmError(TPM_RC.SCHEME);
  }
}

/**
 * Decrypts with a private key, whose sensitive area is loaded.
 *
 * @rc SIZE    the cipher text does not have the size of the modulus
 * @rc VALUE   it is not below the modulus, or the padding is wrong
 * @rc SCHEME  the key's scheme is for signing, or there is none and the profile demands one
 */
export function rsaDecrypt(tpm: Engine, key: KEY_SLOT, padding: Padding, label: Bytes, cipherText: Bytes): Bytes {
  const privateKey = rsaPrivateKeyOf(key);
  if (cipherText.length !== privateKey.modulus.length) throw new TpmError(TPM_RC.SIZE);
  tpm.countAsTested(padding.scheme);
  const decrypt = (): Bytes => refusing(TPM_RC.VALUE, () => tpm.crypto.rsaPrivate(privateKey, cipherText));
  switch (padding.scheme) {
    case TPM_ALG.NULL:
      refuseUnpadded(tpm);
      return decrypt();
    case TPM_ALG.RSAES:
      return orRefuse(decodeRsaes(decrypt()));
    case TPM_ALG.OAEP:
      return orRefuse(decodeOaep(tpm.crypto, hashNameOf(padding.details.hashAlg), label, decrypt()));
    default:
      throw new TpmError(TPM_RC.SCHEME);
  }
}

function refuseUnpadded(tpm: Engine): void {
  if (tpm.profile.attributes.has("no-unpadded-encryption")) throw new TpmError(TPM_RC.SCHEME);
}

function orRefuse(message: Bytes | undefined): Bytes {
  if (message === undefined) throw new TpmError(TPM_RC.VALUE);
  return message;
}
