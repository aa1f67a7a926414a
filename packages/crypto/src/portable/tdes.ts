import type { Bytes } from "../provider.ts";
import type { BlockCipher } from "./block-cipher.ts";

/*
 * Tables of FIPS 46-3; bits are numbered from 1 at the most significant end. The S-boxes are joined with the permutation P once, so that
 * a round is eight look-ups. Table look-ups by secret values leave traces in caches: TDES is here for old keys, not for new secrets.
 */

// biome-ignore format: a table reads as printed in the standard
const INITIAL_PERMUTATION = [
  58, 50, 42, 34, 26, 18, 10, 2, 60, 52, 44, 36, 28, 20, 12, 4, 62, 54, 46, 38, 30, 22, 14, 6, 64, 56, 48, 40, 32, 24, 16, 8,
  57, 49, 41, 33, 25, 17, 9, 1, 59, 51, 43, 35, 27, 19, 11, 3, 61, 53, 45, 37, 29, 21, 13, 5, 63, 55, 47, 39, 31, 23, 15, 7,
];
// biome-ignore format: a table reads as printed in the standard
const P = [
  16, 7, 20, 21, 29, 12, 28, 17, 1, 15, 23, 26, 5, 18, 31, 10, 2, 8, 24, 14, 32, 27, 3, 9, 19, 13, 30, 6, 22, 11, 4, 25,
];
// biome-ignore format: a table reads as printed in the standard
const PERMUTED_CHOICE_1 = [
  57, 49, 41, 33, 25, 17, 9, 1, 58, 50, 42, 34, 26, 18, 10, 2, 59, 51, 43, 35, 27, 19, 11, 3, 60, 52, 44, 36,
  63, 55, 47, 39, 31, 23, 15, 7, 62, 54, 46, 38, 30, 22, 14, 6, 61, 53, 45, 37, 29, 21, 13, 5, 28, 20, 12, 4,
];
// biome-ignore format: a table reads as printed in the standard
const PERMUTED_CHOICE_2 = [
  14, 17, 11, 24, 1, 5, 3, 28, 15, 6, 21, 10, 23, 19, 12, 4, 26, 8, 16, 7, 27, 20, 13, 2,
  41, 52, 31, 37, 47, 55, 30, 40, 51, 45, 33, 48, 44, 49, 39, 56, 34, 53, 46, 42, 50, 36, 29, 32,
];
const LEFT_SHIFTS = [1, 1, 2, 2, 2, 2, 2, 2, 1, 2, 2, 2, 2, 2, 2, 1];
/** S1 to S8: four rows of sixteen values, one hex digit each. */
const S_BOXES = [
  "e4d12fb83a6c59070f74e2d1a6cb953841e8d62bfc973a50fc8249175b3ea06d",
  "f18e6b34972dc05a3d47f28ec01a69b50e7ba4d158c6932fd8a13f42b67c05e9",
  "a09e63f51dc7b428d709346a285ecbf1d6498f30b12c5ae71ad069874fe3b52c",
  "7de3069a1285bc4fd8b56f03472c1ae9a690cb7df13e52843f06a1d8945bc72e",
  "2c417ab6853fd0e9eb2c47d150fa3986421bad78f9c5630eb8c71e2d6f09a453",
  "c1af92680d34e75baf427c9561de0b389ef528c3704a1db6432c95fabe17608d",
  "4b2ef08d3c975a61d0b7491ae35c2f8614bdc37eaf6805926bd814a7950fe23c",
  "d2846fb1a93e50c71fd8a374c56b0e927b419ce206adf35821e74a8dfc90356b",
];

const FINAL_PERMUTATION = INITIAL_PERMUTATION.map((_, i) => INITIAL_PERMUTATION.indexOf(i + 1) + 1);
let substitutions: readonly Uint32Array[] | undefined;

/** Sixteen round keys, each as eight groups of six bits. */
type KeySchedule = readonly Bytes[];

/**
 * Triple DES, encrypt-decrypt-encrypt, with two or three keys (16 or 24 bytes; parity bits are ignored).
 *
 * @spec FIPS 46-3, "Triple Data Encryption Algorithm"
 */
export function createTdes(key: Bytes): BlockCipher {
  const k1 = keySchedule(key.subarray(0, 8));
  const k2 = keySchedule(key.subarray(8, 16));
  const k3 = key.length === 24 ? keySchedule(key.subarray(16, 24)) : k1;
  const forward = [k1, reversed(k2), k3];
  const backward = [reversed(k3), k2, reversed(k1)];
  return {
    blockSize: 8,
    encryptBlock: (block) => {
      for (const schedule of forward) des(block, schedule);
    },
    decryptBlock: (block) => {
      for (const schedule of backward) des(block, schedule);
    },
  };
}

function reversed(schedule: KeySchedule): KeySchedule {
  return [...schedule].reverse();
}

function keySchedule(key: Bytes): KeySchedule {
  const bits = permute(toBits(key), PERMUTED_CHOICE_1);
  let c = bits.slice(0, 28);
  let d = bits.slice(28);
  return LEFT_SHIFTS.map((shift) => {
    c = [...c.slice(shift), ...c.slice(0, shift)];
    d = [...d.slice(shift), ...d.slice(0, shift)];
    return fromBits(permute([...c, ...d], PERMUTED_CHOICE_2), 6);
  });
}

function des(block: Bytes, schedule: KeySchedule): void {
  substitutions ??= joinSubstitutions();
  const view = new DataView(block.buffer, block.byteOffset, 8);
  block.set(fromBits(permute(toBits(block), INITIAL_PERMUTATION), 8));
  let left = view.getUint32(0);
  let right = view.getUint32(4);
  for (const roundKey of schedule) {
    let f = 0;
    for (let i = 0; i < 8; i++) {
      // The expansion E: six neighbouring bits, those of the next four and one more at each side.
      const turn = (4 * i + 5) % 32;
      const six = ((right << turn) | (right >>> (32 - turn))) & 0x3f;
      f |= (substitutions[i] as Uint32Array)[six ^ (roundKey[i] as number)] as number;
    }
    [left, right] = [right, (left ^ f) >>> 0];
  }
  view.setUint32(0, right);
  view.setUint32(4, left);
  block.set(fromBits(permute(toBits(block), FINAL_PERMUTATION), 8));
}

/** For each S-box and six input bits: the word that the box and then P make of them. */
function joinSubstitutions(): readonly Uint32Array[] {
  return S_BOXES.map((box, i) =>
    Uint32Array.from({ length: 64 }, (_, six) => {
      const row = ((six >>> 4) & 2) | (six & 1);
      const column = (six >>> 1) & 0xf;
      const value = Number.parseInt(box.charAt(16 * row + column), 16);
      const bits = new Array<number>(32).fill(0);
      for (let bit = 0; bit < 4; bit++) bits[4 * i + bit] = (value >>> (3 - bit)) & 1;
      const bytes = fromBits(permute(bits, P), 8);
      return new DataView(bytes.buffer).getUint32(0);
    }),
  );
}

function permute(bits: readonly number[], table: readonly number[]): number[] {
  return table.map((position) => bits[position - 1] as number);
}

function toBits(bytes: Bytes): number[] {
  const bits: number[] = [];
  for (const byte of bytes) for (let bit = 7; bit >= 0; bit--) bits.push((byte >>> bit) & 1);
  return bits;
}

/** Groups bits, the first one most significant. */
function fromBits(bits: readonly number[], groupSize: 6 | 8): Bytes {
  const groups = new Uint8Array(bits.length / groupSize);
  bits.forEach((bit, i) => {
    const group = Math.floor(i / groupSize);
    groups[group] = ((groups[group] as number) << 1) | bit;
  });
  return groups;
}
