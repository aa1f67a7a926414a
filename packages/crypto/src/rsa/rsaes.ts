import { isZeroByte } from "../constant-time.ts";
import type { Bytes, RandomSource } from "../provider.ts";

/** 00 02, eight bytes of padding at least, 00. */
const OVERHEAD = 11;

/**
 * Pads a message to `size` bytes, the size of the modulus.
 *
 * @spec RFC 8017, "RSAES-PKCS1-v1_5", "Encryption Operation"
 * @throws RangeError if the message is longer than `size - 11`
 */
export function encodeRsaes(message: Bytes, size: number, random: RandomSource): Bytes {
  if (message.length > size - OVERHEAD) throw new RangeError(`message of ${message.length} bytes for ${size}`);
  const encoded = new Uint8Array(size);
  encoded[1] = 2;
  const paddingEnd = size - message.length - 1;
  encoded.set(random.generate(paddingEnd - 2), 2);
  for (let i = 2; i < paddingEnd; i++) while (encoded[i] === 0) encoded.set(random.generate(1), i);
  encoded.set(message, paddingEnd + 1);
  return encoded;
}

/**
 * The message of a padded block, `undefined` if the padding is wrong; looks at every byte whatever it finds.
 *
 * @spec RFC 8017, "RSAES-PKCS1-v1_5", "Decryption Operation"
 */
export function decodeRsaes(encoded: Bytes): Bytes | undefined {
  if (encoded.length < OVERHEAD) return undefined;
  let wrong = (encoded[0] as number) | ((encoded[1] as number) ^ 2);
  let isFound = 0;
  let separator = 0;
  for (let i = 2; i < encoded.length; i++) {
    const isSeparator = isZeroByte(encoded[i] as number) & (isFound ^ 1);
    separator += isSeparator * i;
    isFound |= isSeparator;
  }
  wrong |= isFound ^ 1;
  // Fewer than eight bytes of padding; the sign bit tells, without a branch.
  wrong |= (separator - (OVERHEAD - 1)) >>> 31;
  return wrong === 0 ? encoded.slice(separator + 1) : undefined;
}
