import { bigIntToBytes, bytesToBigInt } from "../big-integer.ts";
import type { Bytes } from "../provider.ts";
import type { BlockCipher } from "./block-cipher.ts";

// biome-ignore format: a table reads as printed in the standard
const S1 = Uint8Array.of(
  112, 130, 44, 236, 179, 39, 192, 229, 228, 133, 87, 53, 234, 12, 174, 65, 35, 239, 107, 147, 69, 25, 165, 33, 237, 14, 79, 78, 29, 101, 146, 189,
  134, 184, 175, 143, 124, 235, 31, 206, 62, 48, 220, 95, 94, 197, 11, 26, 166, 225, 57, 202, 213, 71, 93, 61, 217, 1, 90, 214, 81, 86, 108, 77,
  139, 13, 154, 102, 251, 204, 176, 45, 116, 18, 43, 32, 240, 177, 132, 153, 223, 76, 203, 194, 52, 126, 118, 5, 109, 183, 169, 49, 209, 23, 4, 215,
  20, 88, 58, 97, 222, 27, 17, 28, 50, 15, 156, 22, 83, 24, 242, 34, 254, 68, 207, 178, 195, 181, 122, 145, 36, 8, 232, 168, 96, 252, 105, 80,
  170, 208, 160, 125, 161, 137, 98, 151, 84, 91, 30, 149, 224, 255, 100, 210, 16, 196, 0, 72, 163, 247, 117, 219, 138, 3, 230, 218, 9, 63, 221, 148,
  135, 92, 131, 2, 205, 74, 144, 51, 115, 103, 246, 243, 157, 127, 191, 226, 82, 155, 216, 38, 200, 55, 198, 59, 129, 150, 111, 75, 19, 190, 99, 46,
  233, 121, 167, 140, 159, 110, 188, 142, 41, 245, 249, 182, 47, 253, 180, 89, 120, 152, 6, 106, 231, 70, 113, 186, 212, 37, 171, 66, 136, 162, 141, 250,
  114, 7, 185, 85, 248, 238, 172, 10, 54, 73, 42, 104, 60, 56, 241, 164, 64, 40, 211, 123, 187, 201, 67, 193, 21, 227, 173, 244, 119, 199, 128, 158,
);

const SIGMA = [
  0xa09e667f3bcc908bn,
  0xb67ae8584caa73b2n,
  0xc6ef372fe94f82ben,
  0x54ff53a5f1d36f1cn,
  0x10e527fade682d1dn,
  0xb05688c2b3e6c1fdn,
] as const;

/** Which half of which rotated key a subkey is. */
type Subkey = readonly [key: "KL" | "KR" | "KA" | "KB", turn: number, half: "high" | "low"];

/** The subkeys in the order of their use: two to whiten, then six rounds and two for the FL layer, repeated, and two to whiten. */
const SHORT_KEY_ORDER: readonly Subkey[] = [
  ...both("KL", 0),
  ...both("KA", 0),
  ...both("KL", 15),
  ...both("KA", 15),
  ...both("KA", 30),
  ...both("KL", 45),
  ["KA", 45, "high"],
  ["KL", 60, "low"],
  ...both("KA", 60),
  ...both("KL", 77),
  ...both("KL", 94),
  ...both("KA", 94),
  ...both("KL", 111),
  ...both("KA", 111),
];

const LONG_KEY_ORDER: readonly Subkey[] = [
  ...both("KL", 0),
  ...both("KB", 0),
  ...both("KR", 15),
  ...both("KA", 15),
  ...both("KR", 30),
  ...both("KB", 30),
  ...both("KL", 45),
  ...both("KA", 45),
  ...both("KL", 60),
  ...both("KR", 60),
  ...both("KB", 60),
  ...both("KL", 77),
  ...both("KA", 77),
  ...both("KR", 94),
  ...both("KA", 94),
  ...both("KL", 111),
  ...both("KB", 111),
];

function both(key: Subkey[0], turn: number): readonly [Subkey, Subkey] {
  return [
    [key, turn, "high"],
    [key, turn, "low"],
  ];
}

/** Camellia with keys of 16, 24 or 32 bytes. @spec RFC 3713, "Algorithm Description" */
export function createCamellia(key: Bytes): BlockCipher {
  const forward = subkeys(key);
  let backward: Uint32Array | undefined;
  return {
    blockSize: 16,
    encryptBlock: (block) => transform(block, forward),
    decryptBlock: (block) => {
      backward ??= reversed(forward);
      transform(block, backward);
    },
  };
}

/** Subkeys as pairs of words, in the order of their use. */
function subkeys(key: Bytes): Uint32Array {
  const KL = bytesToBigInt(key.subarray(0, 16));
  let KR = bytesToBigInt(key.subarray(16));
  if (key.length === 24) KR = (KR << 64n) | (KR ^ 0xffff_ffff_ffff_ffffn);
  const KA = mix(mix(KL ^ KR, SIGMA[0], SIGMA[1]) ^ KL, SIGMA[2], SIGMA[3]);
  const KB = mix(KA ^ KR, SIGMA[4], SIGMA[5]);
  const keys = { KL, KR, KA, KB };
  const order = key.length === 16 ? SHORT_KEY_ORDER : LONG_KEY_ORDER;
  const words = new Uint32Array(2 * order.length);
  order.forEach(([name, turn, half], i) => {
    const rotated = (keys[name] << BigInt(turn)) | (keys[name] >> BigInt(128 - turn));
    const subkey = BigInt.asUintN(64, half === "high" ? rotated >> 64n : rotated);
    words[2 * i] = Number(subkey >> 32n);
    words[2 * i + 1] = Number(BigInt.asUintN(32, subkey));
  });
  return words;
}

/** Two rounds with constants for keys. */
function mix(value: bigint, sigma1: bigint, sigma2: bigint): bigint {
  const d = words(bigIntToBytes(value, 16));
  round(d, 0, 2, Number(sigma1 >> 32n), Number(BigInt.asUintN(32, sigma1)));
  round(d, 2, 0, Number(sigma2 >> 32n), Number(BigInt.asUintN(32, sigma2)));
  return d.reduce((joined, word) => (joined << 32n) | BigInt(word), 0n);
}

/** Decryption is encryption with the subkeys in reverse; only the pairs that whiten keep their inner order. */
function reversed(forward: Uint32Array): Uint32Array {
  const count = forward.length / 2;
  const backward = new Uint32Array(forward.length);
  for (let i = 0; i < count; i++) {
    const from = i < 2 ? count - 2 + i : i >= count - 2 ? i - (count - 2) : count - 1 - i;
    backward.set(forward.subarray(2 * from, 2 * from + 2), 2 * i);
  }
  return backward;
}

function words(block: Bytes): Uint32Array {
  const view = new DataView(block.buffer, block.byteOffset, 16);
  return Uint32Array.of(view.getUint32(0), view.getUint32(4), view.getUint32(8), view.getUint32(12));
}

function transform(block: Bytes, keys: Uint32Array): void {
  const d = words(block);
  for (let i = 0; i < 4; i++) d[i] = (d[i] as number) ^ (keys[i] as number);
  let at = 4;
  for (;;) {
    for (let i = 0; i < 6; i++, at += 2) {
      const from = i % 2 === 0 ? 0 : 2;
      round(d, from, 2 - from, keys[at] as number, keys[at + 1] as number);
    }
    if (at === keys.length - 4) break;
    mixForward(d, 0, keys[at] as number, keys[at + 1] as number);
    mixBackward(d, 2, keys[at + 2] as number, keys[at + 3] as number);
    at += 4;
  }
  const view = new DataView(block.buffer, block.byteOffset, 16);
  for (let i = 0; i < 4; i++) view.setUint32(4 * i, ((d[(i + 2) % 4] as number) ^ (keys[at + i] as number)) >>> 0);
}

/** `d[to] ^= F(d[from], key)` on halves of two words. @spec RFC 3713, "F-function" */
function round(d: Uint32Array, from: number, to: number, keyHigh: number, keyLow: number): void {
  const high = (d[from] as number) ^ keyHigh;
  const low = (d[from + 1] as number) ^ keyLow;
  const t1 = s1(high >>> 24);
  const t2 = turn8(s1((high >>> 16) & 0xff), 1);
  const t3 = turn8(s1((high >>> 8) & 0xff), 7);
  const t4 = s1(turn8(high & 0xff, 1));
  const t5 = turn8(s1(low >>> 24), 1);
  const t6 = turn8(s1((low >>> 16) & 0xff), 7);
  const t7 = s1(turn8((low >>> 8) & 0xff, 1));
  const t8 = s1(low & 0xff);
  const y1 = t1 ^ t3 ^ t4 ^ t6 ^ t7 ^ t8;
  const y2 = t1 ^ t2 ^ t4 ^ t5 ^ t7 ^ t8;
  const y3 = t1 ^ t2 ^ t3 ^ t5 ^ t6 ^ t8;
  const y4 = t2 ^ t3 ^ t4 ^ t5 ^ t6 ^ t7;
  const y5 = t1 ^ t2 ^ t6 ^ t7 ^ t8;
  const y6 = t2 ^ t3 ^ t5 ^ t7 ^ t8;
  const y7 = t3 ^ t4 ^ t5 ^ t6 ^ t8;
  const y8 = t1 ^ t4 ^ t5 ^ t6 ^ t7;
  d[to] = (d[to] as number) ^ ((y1 << 24) | (y2 << 16) | (y3 << 8) | y4);
  d[to + 1] = (d[to + 1] as number) ^ ((y5 << 24) | (y6 << 16) | (y7 << 8) | y8);
}

/** @spec RFC 3713, "FL- and FLINV-functions" */
function mixForward(d: Uint32Array, at: number, keyHigh: number, keyLow: number): void {
  const both = (d[at] as number) & keyHigh;
  d[at + 1] = (d[at + 1] as number) ^ ((both << 1) | (both >>> 31));
  d[at] = (d[at] as number) ^ ((d[at + 1] as number) | keyLow);
}

/** The inverse of `mixForward`. */
function mixBackward(d: Uint32Array, at: number, keyHigh: number, keyLow: number): void {
  d[at] = (d[at] as number) ^ ((d[at + 1] as number) | keyLow);
  const both = (d[at] as number) & keyHigh;
  d[at + 1] = (d[at + 1] as number) ^ ((both << 1) | (both >>> 31));
}

function s1(byte: number): number {
  return S1[byte] as number;
}

function turn8(byte: number, count: number): number {
  return ((byte << count) | (byte >>> (8 - count))) & 0xff;
}
