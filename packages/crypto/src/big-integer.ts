import type { Bytes } from "./provider.ts";

const WORD = 64n;
const WORD_SIZE = 8;

/** Reads a big-endian number of any size; an empty string is 0. No text form in between, so that secrets leave no string. */
export function bytesToBigInt(bytes: Bytes): bigint {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const head = bytes.length % WORD_SIZE;
  let value = 0n;
  for (let i = 0; i < head; i++) value = (value << 8n) | BigInt(view.getUint8(i));
  for (let i = head; i < bytes.length; i += WORD_SIZE) value = (value << WORD) | view.getBigUint64(i);
  return value;
}

/**
 * Writes a number big-endian into exactly `size` bytes.
 *
 * @throws RangeError if the number is negative or does not fit
 */
export function bigIntToBytes(value: bigint, size: number): Bytes {
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  let rest = value;
  let end = size;
  for (; end >= WORD_SIZE; end -= WORD_SIZE) {
    view.setBigUint64(end - WORD_SIZE, BigInt.asUintN(64, rest));
    rest >>= WORD;
  }
  for (; end > 0; end--) {
    view.setUint8(end - 1, Number(BigInt.asUintN(8, rest)));
    rest >>= 8n;
  }
  if (rest !== 0n) throw new RangeError(`number does not fit into ${size} bytes`);
  return bytes;
}

/** Shifts by which the leading bits of numbers below 2^1024 are found: halves, since each makes a new number. */
const HALVES = [512, 256, 128, 64, 32].map((bits) => [bits, BigInt(bits)] as const);

/** Number of significant bits; 0 for 0. */
export function bitLength(value: bigint): number {
  let bits = 0;
  let rest = value;
  for (let higher = rest >> 1024n; higher !== 0n; higher = rest >> 1024n) {
    rest = higher;
    bits += 1024;
  }
  for (const [half, shift] of HALVES) {
    const higher = rest >> shift;
    if (higher === 0n) continue;
    rest = higher;
    bits += half;
  }
  return bits + 32 - Math.clz32(Number(rest));
}

/** Number of bytes that hold the value; 0 for 0. */
export function byteLength(value: bigint): number {
  return Math.ceil(bitLength(value) / 8);
}

/** The residue in `0 … modulus - 1`, for negative values too. */
export function mod(value: bigint, modulus: bigint): bigint {
  const residue = value % modulus;
  return residue < 0n ? residue + modulus : residue;
}

/** Leading bits that a division of two large numbers is guessed from: with the cofactors added they stay exact as doubles. */
const LEADING_BITS = 52;

/**
 * The steps of Euclid's algorithm that the leading bits of two numbers decide, `a >= b`, as factors: they make
 * `ax * a + ay * b` of a and `bx * a + by * b` of b. `undefined` if they decide none.
 *
 * @spec Knuth, The Art of Computer Programming 4.5.2, "Algorithm L"
 */
function leadingSteps(a: bigint, b: bigint): readonly [ax: bigint, ay: bigint, bx: bigint, by: bigint] | undefined {
  const shift = BigInt(Math.max(0, bitLength(a) - LEADING_BITS));
  let aHigh = Number(a >> shift);
  let bHigh = Number(b >> shift);
  let [ax, ay, bx, by] = [1, 0, 0, 1];
  while (bHigh + bx !== 0 && bHigh + by !== 0) {
    const quotient = Math.floor((aHigh + ax) / (bHigh + bx));
    // The true quotient lies between both guesses.
    if (quotient !== Math.floor((aHigh + ay) / (bHigh + by))) break;
    [ax, bx] = [bx, ax - quotient * bx];
    [ay, by] = [by, ay - quotient * by];
    [aHigh, bHigh] = [bHigh, aHigh - quotient * bHigh];
  }
  return ay === 0 ? undefined : [BigInt(ax), BigInt(ay), BigInt(bx), BigInt(by)];
}

/** The greatest common divisor of two numbers that are not negative. Takes a time that depends on them. */
export function gcd(first: bigint, second: bigint): bigint {
  let [a, b] = first >= second ? [first, second] : [second, first];
  while (b !== 0n) {
    const step = leadingSteps(a, b);
    if (step === undefined) [a, b] = [b, a % b];
    else [a, b] = [step[0] * a + step[1] * b, step[2] * a + step[3] * b];
  }
  return a;
}

/**
 * `value^-1 mod modulus`, by Lehmer's form of Euclid's algorithm: many steps on the leading bits make one on the numbers themselves,
 * which halves the time. That time depends on the value: secrets are multiplied by a random factor first.
 *
 * @spec Knuth, The Art of Computer Programming 4.5.2, "Algorithm L"
 * @throws RangeError if there is no inverse
 */
export function modInverse(value: bigint, modulus: bigint): bigint {
  // Invariant: a = x * value and b = y * value, modulo the modulus; a >= b.
  let a = modulus;
  let b = mod(value, modulus);
  let x = 0n;
  let y = 1n;
  while (b > 1n) {
    const step = leadingSteps(a, b);
    if (step === undefined) {
      const quotient = a / b;
      [a, b] = [b, a - quotient * b];
      [x, y] = [y, x - quotient * y];
    } else {
      const [ax, ay, bx, by] = step;
      [a, b] = [ax * a + ay * b, bx * a + by * b];
      [x, y] = [ax * x + ay * y, bx * x + by * y];
    }
  }
  if (b !== 1n) throw new RangeError("number has no inverse");
  return mod(y, modulus);
}

/** `base^exponent mod modulus`, four exponent bits at a time; not constant time. */
export function modPow(base: bigint, exponent: bigint, modulus: bigint): bigint {
  if (modulus === 1n) return 0n;
  const reduced = mod(base, modulus);
  const powers = [1n, reduced];
  for (let i = 2; i < 16; i++) powers.push(((powers[i - 1] as bigint) * reduced) % modulus);
  let result = 1n;
  for (let shift = Math.ceil(bitLength(exponent) / 4) * 4 - 4; shift >= 0; shift -= 4) {
    result = (result * result) % modulus;
    result = (result * result) % modulus;
    result = (result * result) % modulus;
    result = (result * result) % modulus;
    const digit = Number(BigInt.asUintN(4, exponent >> BigInt(shift)));
    if (digit !== 0) result = (result * (powers[digit] as bigint)) % modulus;
  }
  return result;
}
