import { concatBytes, EMPTY } from "@vtpm/wire";
import { cipherBlockSize, isKeySize } from "./cipher-sizes.ts";
import type { Bytes, CipherName, CryptoProvider } from "./provider.ts";

/** A CMAC computation at rest: plain data, in the form libtpms saves it. */
export interface CmacState {
  readonly cipher: CipherName;
  readonly key: Bytes;
  /** The chaining block, with the data that came after it already XORed in: one block. */
  readonly iv: Bytes;
  /** How many bytes of the block are taken; a full block waits until more data comes. */
  readonly count: number;
}

/** Constant of the field that the subkeys are doubled in. */
const REDUCTION = 0x87;

/**
 * CMAC of the concatenation of all data; as many bytes as a block.
 *
 * For ciphers of 64-bit blocks (TDES) the constant stays 0x87 as in libtpms, where SP800-38B says 0x1b.
 *
 * @spec SP800-38B, "MAC Generation"
 * @throws RangeError if the cipher has no such key
 */
export function cmac(provider: CryptoProvider, cipher: CipherName, key: Bytes, ...data: Bytes[]): Bytes {
  const state = cmacUpdate(provider, cmacStart(cipher, key), concatBytes(...data));
  return cmacFinish(provider, state);
}

/** @throws RangeError if the cipher has no such key */
export function cmacStart(cipher: CipherName, key: Bytes): CmacState {
  if (!isKeySize(cipher, key.length)) throw new RangeError(`${cipher} has no key of ${key.length} bytes`);
  return { cipher, key: key.slice(), iv: new Uint8Array(cipherBlockSize(cipher)), count: 0 };
}

/** Absorbs data; the state given stays as it is. */
export function cmacUpdate(provider: CryptoProvider, state: CmacState, data: Bytes): CmacState {
  const { cipher, key, iv, count } = state;
  const blockSize = iv.length;
  const room = blockSize - count;
  const block = iv.slice();
  xorInto(block, count, data.subarray(0, room));
  if (data.length <= room) return { ...state, iv: block, count: count + data.length };
  // The last block, whole or not, stays back: only the end tells which subkey it gets.
  const rest = data.subarray(room);
  const lastStart = Math.floor((rest.length - 1) / blockSize) * blockSize;
  const last = rest.subarray(lastStart);
  const chain = concatBytes(block, rest.subarray(0, lastStart));
  const next = provider.encrypt(cipher, "CBC", key, new Uint8Array(blockSize), chain).iv;
  xorInto(next, 0, last);
  return { ...state, iv: next, count: last.length };
}

/** The MAC of everything absorbed; the state given stays as it is. */
export function cmacFinish(provider: CryptoProvider, state: CmacState): Bytes {
  const { cipher, key, iv, count } = state;
  const encrypt = (block: Bytes) => provider.encrypt(cipher, "ECB", key, EMPTY, block).data;
  const block = iv.slice();
  const whole = doubled(encrypt(new Uint8Array(iv.length)));
  if (count === iv.length) {
    xorInto(block, 0, whole);
  } else {
    xorInto(block, count, Uint8Array.of(0x80));
    xorInto(block, 0, doubled(whole));
  }
  return encrypt(block);
}

function doubled(block: Bytes): Bytes {
  const result = new Uint8Array(block.length);
  let carry = 0;
  for (let i = block.length - 1; i >= 0; i--) {
    const byte = block[i] as number;
    result[i] = (byte << 1) | carry;
    carry = byte >>> 7;
  }
  const last = block.length - 1;
  result[last] = (result[last] as number) ^ (REDUCTION * carry);
  return result;
}

function xorInto(target: Bytes, start: number, source: Bytes): void {
  for (let i = 0; i < source.length; i++) target[start + i] = (target[start + i] as number) ^ (source[i] as number);
}
