import { createCipheriv, createDecipheriv, getCipherInfo } from "node:crypto";
import { assertCipherSizes, cipherBlockSize } from "../cipher-sizes.ts";
import { runMode } from "../portable/cipher-modes.ts";
import { createLegacyCipher } from "../portable/legacy-ciphers.ts";
import type { Bytes, CipherMode, CipherName, CipherResult } from "../provider.ts";
import { ownBytes } from "./own-bytes.ts";

type Direction = "encrypt" | "decrypt";

/** Which names this build of OpenSSL knows; distributions leave out Camellia or TDES. */
const isKnown = new Map<string, boolean>();

/** Runs a mode over whole data; the iv left behind is described at `CipherResult`. */
export function nodeCipher(
  cipher: CipherName,
  mode: CipherMode,
  direction: Direction,
  key: Bytes,
  iv: Bytes,
  data: Bytes,
): CipherResult {
  assertCipherSizes(cipher, mode, key.length, iv.length, data.length);
  const name = opensslName(cipher, mode, key.length);
  if (cipher !== "AES" && !knows(name)) return runMode(createLegacyCipher(cipher, key), mode, direction, iv, data);
  if (data.length === 0) return { data: new Uint8Array(0), iv: mode === "ECB" ? new Uint8Array(0) : iv.slice() };
  const process = (bytes: Bytes): Bytes =>
    run(name, direction, stretched(cipher, key), mode === "ECB" ? null : iv, bytes);
  const out = process(data);
  return {
    data: out,
    // Hardly anybody goes on, so it is worked out when it is asked for.
    get iv() {
      return ivBehind(mode, direction, iv, data, out, cipherBlockSize(cipher), process);
    },
  };
}

/** The chaining value behind `data`, which became `out`. */
function ivBehind(
  mode: CipherMode,
  direction: Direction,
  iv: Bytes,
  data: Bytes,
  out: Bytes,
  blockSize: number,
  process: (bytes: Bytes) => Bytes,
): Bytes {
  // Over zeros up to the end of the block, stream modes give the unused key stream.
  const rest = data.length % blockSize;
  const whole = rest === 0 ? data : padded(data, data.length + blockSize - rest);
  const last = whole.length - blockSize;
  switch (mode) {
    case "ECB":
      return new Uint8Array(0);
    case "CBC":
      return (direction === "encrypt" ? out : data).slice(last);
    case "CFB": {
      const register = rest === 0 ? out.slice(last) : process(whole).slice(last);
      if (direction === "decrypt") register.set(data.subarray(last));
      return register;
    }
    case "OFB": {
      const stream = rest === 0 ? out.slice(last) : process(whole).slice(last);
      for (let i = 0; i < blockSize; i++) stream[i] = (stream[i] as number) ^ (whole[last + i] as number);
      return stream;
    }
    case "CTR":
      return advanced(iv, whole.length / blockSize);
  }
}

function run(name: string, direction: Direction, key: Bytes, iv: Bytes | null, data: Bytes): Bytes {
  const state = direction === "encrypt" ? createCipheriv(name, key, iv) : createDecipheriv(name, key, iv);
  state.setAutoPadding(false);
  return ownBytes(state.update(data));
}

/** Keeps one object for all calls: making it costs five times what it takes to encrypt a few blocks. */
export function nodeAesEncryptor(key: Bytes): (blocks: Bytes) => Bytes {
  assertCipherSizes("AES", "ECB", key.length, 0, 0);
  const state = createCipheriv(opensslName("AES", "ECB", key.length), key, null);
  state.setAutoPadding(false);
  return (blocks) => {
    assertCipherSizes("AES", "ECB", key.length, 0, blocks.length);
    return ownBytes(state.update(blocks));
  };
}

function opensslName(cipher: CipherName, mode: CipherMode, keySize: number): string {
  const suffix = mode.toLowerCase();
  return cipher === "TDES" ? `des-ede3-${suffix}` : `${cipher.toLowerCase()}-${8 * keySize}-${suffix}`;
}

function knows(name: string): boolean {
  let known = isKnown.get(name);
  if (known === undefined) {
    known = getCipherInfo(name) !== undefined;
    isKnown.set(name, known);
  }
  return known;
}

/** A TDES key of two keys is used as K1, K2, K1. */
function stretched(cipher: CipherName, key: Bytes): Bytes {
  if (cipher !== "TDES" || key.length === 24) return key;
  const three = padded(key, 24);
  three.set(key.subarray(0, 8), 16);
  return three;
}

function padded(bytes: Bytes, size: number): Bytes {
  const result = new Uint8Array(size);
  result.set(bytes);
  return result;
}

/** The counter a number of blocks later. */
function advanced(counter: Bytes, blocks: number): Bytes {
  const result = counter.slice();
  let carry = blocks;
  for (let i = result.length - 1; i >= 0 && carry > 0; i--) {
    carry += result[i] as number;
    result[i] = carry & 0xff;
    carry = Math.floor(carry / 256);
  }
  return result;
}
