import { type CryptoProvider, equalBytesConstantTime } from "@vtpm/crypto";
import { type Bytes, concatBytes, EMPTY } from "@vtpm/wire";
import { EnvelopeError } from "./envelope-error.ts";

const BLOCK_SIZE = 16;
const DIGEST_SIZE = 32;
const NO_IV: Bytes = new Uint8Array(BLOCK_SIZE);

/** What sealing needs of the world. */
export interface Sealing {
  readonly crypto: CryptoProvider;
  entropy(size: number): Bytes;
}

/** AES-CBC and the HMAC-SHA256 over it, both under the same key. */
export interface Encrypted {
  readonly data: Bytes;
  /** Absent, the data was encrypted under an IV of zeros. */
  readonly iv: Bytes | undefined;
  readonly mac: Bytes;
}

/** The padding fills up to a multiple of the key's size, not of the block's, and so the IV is as long; CBC takes its first half. */
export function encrypt(data: Bytes, key: Bytes, { crypto, entropy }: Sealing): Encrypted & { readonly iv: Bytes } {
  const padding = key.length - (data.length % key.length);
  const padded = concatBytes(data, new Uint8Array(padding).fill(padding));
  const iv = entropy(key.length);
  const encrypted = crypto.encrypt("AES", "CBC", key, iv.slice(0, BLOCK_SIZE), padded).data;
  return { data: encrypted, iv, mac: crypto.hmac("SHA256", key, encrypted, iv) };
}

export function decrypt({ data, iv, mac }: Encrypted, key: Bytes, crypto: CryptoProvider): Bytes {
  if (iv !== undefined && iv.length < BLOCK_SIZE) {
    throw new EnvelopeError("DAMAGED", `the IV has ${iv.length} bytes, not ${BLOCK_SIZE} or more`);
  }
  const authentic = equalBytesConstantTime(crypto.hmac("SHA256", key, data, iv ?? EMPTY), mac);
  const padded = decryptBlocks(data, key, iv?.slice(0, BLOCK_SIZE) ?? NO_IV, crypto);
  if (!authentic) throw mismatch(padded, "HMAC");
  return unpadded(padded, key.length);
}

/** Version 1 has no HMAC: what is encrypted, under an IV of zeros, is the digest of the data and the data. */
export function decryptVersion1(encrypted: Bytes, key: Bytes, crypto: CryptoProvider): Bytes {
  const padded = decryptBlocks(encrypted, key, NO_IV, crypto);
  const data = padded.slice(DIGEST_SIZE, Math.max(DIGEST_SIZE, padded.length - paddingOf(padded)));
  const authentic = equalBytesConstantTime(crypto.hash("SHA256", data), padded.slice(0, DIGEST_SIZE));
  if (!authentic) throw mismatch(padded, "digest");
  return data;
}

function decryptBlocks(data: Bytes, key: Bytes, iv: Bytes, crypto: CryptoProvider): Bytes {
  if (data.length === 0 || data.length % BLOCK_SIZE !== 0) {
    throw new EnvelopeError("DAMAGED", `the encrypted data has ${data.length} bytes, not a multiple of ${BLOCK_SIZE}`);
  }
  return crypto.decrypt("AES", "CBC", key, iv, data).data;
}

function unpadded(padded: Bytes, keySize: number): Bytes {
  const padding = paddingOf(padded);
  const regular = padding >= 1 && padding <= keySize && padded.subarray(-padding).every((byte) => byte === padding);
  if (!regular)
    throw new EnvelopeError("DAMAGED", "the padding of the decrypted data is irregular, though its HMAC is right");
  return padded.slice(0, padded.length - padding);
}

function paddingOf(padded: Bytes): number {
  return padded[padded.length - 1] ?? 0;
}

/**
 * An HMAC that is wrong does not say whether the key or the data is. The decrypted data does: states are full of zeros, and what
 * another key makes of them has one in 256 bytes, while damage garbles the blocks it hit and no others.
 */
function mismatch(decrypted: Bytes, what: string): EnvelopeError {
  const zeros = decrypted.reduce((count, byte) => (byte === 0 ? count + 1 : count), 0);
  if (32 * zeros > decrypted.length) {
    return new EnvelopeError("DAMAGED", `the ${what} is wrong: the key fits, but the data has been damaged or changed`);
  }
  return new EnvelopeError("WRONG_KEY", `the ${what} is wrong: it was encrypted with another key or passphrase`);
}
