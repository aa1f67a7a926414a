import { isZeroByte } from "../constant-time.ts";
import { digestSize } from "../hash-sizes.ts";
import { applyMgf1 } from "../mgf1.ts";
import type { Bytes, CryptoProvider, HashName, RandomSource } from "../provider.ts";

/**
 * Pads a message to `size` bytes, the size of the modulus.
 *
 * @param label as it is hashed: labels of the specification include their NUL
 * @spec RFC 8017, "RSAES-OAEP", "Encryption Operation"
 * @throws RangeError if the message is longer than `size - 2 * digestSize - 2`
 */
export function encodeOaep(
  provider: CryptoProvider,
  hashAlg: HashName,
  label: Bytes,
  message: Bytes,
  size: number,
  random: RandomSource,
): Bytes {
  const hashSize = digestSize(hashAlg);
  if (message.length > size - 2 * hashSize - 2) {
    throw new RangeError(`message of ${message.length} bytes for OAEP with ${hashAlg} in ${size}`);
  }
  const encoded = new Uint8Array(size);
  const seed = encoded.subarray(1, 1 + hashSize);
  const block = encoded.subarray(1 + hashSize);
  block.set(provider.hash(hashAlg, label));
  block[block.length - message.length - 1] = 1;
  block.set(message, block.length - message.length);
  seed.set(random.generate(hashSize));
  applyMgf1(provider, hashAlg, seed, block);
  applyMgf1(provider, hashAlg, block, seed);
  return encoded;
}

/**
 * The message of a padded block, `undefined` if the padding or the label is wrong. All checks are made before any of them shows, else
 * the time would tell an attacker which one failed.
 *
 * @spec RFC 8017, "RSAES-OAEP", "Decryption Operation"
 */
export function decodeOaep(
  provider: CryptoProvider,
  hashAlg: HashName,
  label: Bytes,
  encoded: Bytes,
): Bytes | undefined {
  const hashSize = digestSize(hashAlg);
  if (encoded.length < 2 * hashSize + 2) return undefined;
  const seed = encoded.slice(1, 1 + hashSize);
  const block = encoded.slice(1 + hashSize);
  applyMgf1(provider, hashAlg, block, seed);
  applyMgf1(provider, hashAlg, seed, block);

  let wrong = encoded[0] as number;
  const labelHash = provider.hash(hashAlg, label);
  for (let i = 0; i < hashSize; i++) wrong |= (block[i] as number) ^ (labelHash[i] as number);
  let isFound = 0;
  let separator = 0;
  for (let i = hashSize; i < block.length; i++) {
    const byte = block[i] as number;
    const isSeparator = isZeroByte(byte ^ 1) & (isFound ^ 1);
    separator += isSeparator * i;
    isFound |= isSeparator;
    // Before the separator there is nothing but zeros.
    wrong |= byte * (isFound ^ 1);
  }
  wrong |= isFound ^ 1;
  return wrong === 0 ? block.slice(separator + 1) : undefined;
}
