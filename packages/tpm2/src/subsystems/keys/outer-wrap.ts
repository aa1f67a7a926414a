import { equalBytesConstantTime } from "@vtpm/crypto";
import { type Bytes, concatBytes, EMPTY, encode } from "@vtpm/wire";
import type { Engine } from "../../engine.ts";
import { TPM_ALG } from "../../spec/constants.ts";
import { TPM_RC } from "../../spec/response-codes.ts";
import { TPM2B_DIGEST, TPM2B_IV, type TPMT_PUBLIC_NULLABLE } from "../../spec/structures/index.ts";
import { TpmError } from "../../spec/tpm-error.ts";
import { type Cipher, cipherOf } from "../ciphers.ts";
import { digestSizeOf, hashNameOf } from "../hash-algorithms.ts";
import { kdfa } from "../kdfa.ts";
import { symmetricOf } from "./scheme-checks.ts";
import { readerOf } from "./unmarshal.ts";

/** The key that protects, and what it protects with. */
export interface Protection {
  /** The public area of the protecting key: its nameAlg and its cipher are used. */
  readonly protector: TPMT_PUBLIC_NULLABLE;
  /** The protector's seedValue, or a seed exchanged for one time. */
  readonly seed: Bytes;
  /** The Name of the object that is protected. */
  readonly name: Bytes;
  /** Whether a random IV goes along; a seed used only once needs none. */
  readonly withIv: boolean;
}

/**
 * Encrypts data and puts an integrity value in front: for children outside the TPM, duplicates and credentials.
 *
 * @spec Part 1, "Protected Storage", "Symmetric Encryption", "Integrity"
 */
export function wrapOuter(tpm: Engine, protection: Protection, data: Bytes): Bytes {
  const { cipher, key } = encryptionKey(tpm, protection);
  const iv = protection.withIv ? tpm.random(cipher.blockSize) : new Uint8Array(cipher.blockSize);
  const hidden = tpm.crypto.encrypt(cipher.name, "CFB", key, iv, data).data;
  const body = concatBytes(protection.withIv ? encode(TPM2B_IV, iv) : EMPTY, hidden);
  return concatBytes(encode(TPM2B_DIGEST, integrityOf(tpm, protection, body)), body);
}

/**
 * Takes the wrap off.
 *
 * @rc INTEGRITY     the integrity value is wrong
 * @rc VALUE         the IV has another size than a block
 * @rc SIZE          there is no integrity value or IV
 * @rc INSUFFICIENT  there is less than they say
 */
export function unwrapOuter(tpm: Engine, protection: Protection, blob: Bytes): Bytes {
  const reader = readerOf(tpm, blob);
  const integrity = reader.read(TPM2B_DIGEST);
  const body = blob.slice(blob.length - reader.remaining);
  if (!equalBytesConstantTime(integrity, integrityOf(tpm, protection, body))) throw new TpmError(TPM_RC.INTEGRITY);
  const { cipher, key } = encryptionKey(tpm, protection);
  const iv = protection.withIv ? reader.read(TPM2B_IV) : new Uint8Array(cipher.blockSize);
  if (iv.length !== cipher.blockSize) throw new TpmError(TPM_RC.VALUE);
  const hidden = blob.slice(blob.length - reader.remaining);
  return tpm.crypto.decrypt(cipher.name, "CFB", key, iv, hidden).data;
}

function encryptionKey(
  tpm: Engine,
  { protector, seed, name }: Protection,
): { readonly cipher: Cipher; readonly key: Bytes } {
  const symmetric = symmetricOf(protector);
  if (symmetric === undefined || symmetric.algorithm === TPM_ALG.NULL) {
    throw new RangeError("only a storage key protects others");
  }
  const hashAlg = hashNameOf(protector.nameAlg);
  const bits = symmetric.keyBits;
  return {
    cipher: cipherOf(symmetric.algorithm),
    key: kdfa(tpm, { hashAlg, key: seed, label: "STORAGE", contextU: name, contextV: EMPTY, bits }),
  };
}

function integrityOf(tpm: Engine, { protector, seed, name }: Protection, body: Bytes): Bytes {
  const hashAlg = hashNameOf(protector.nameAlg);
  const bits = 8 * digestSizeOf(protector.nameAlg);
  const key = kdfa(tpm, { hashAlg, key: seed, label: "INTEGRITY", contextU: EMPTY, contextV: EMPTY, bits });
  return tpm.crypto.hmac(hashAlg, key, body, name);
}
