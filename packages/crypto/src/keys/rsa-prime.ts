import { bitLength, bytesToBigInt } from "../big-integer.ts";
import { createMillerRabin } from "../miller-rabin.ts";
import type { Bytes, CryptoProvider, RandomSource } from "../provider.ts";
import { sieve } from "./rsa-prime-sieve.ts";

/** How candidates are made: 0 for seeds from libtpms before 0.8, 1 for all later ones. */
export type SeedLevel = 0 | 1;

/** Numerator of 1/sqrt(2) less one half, over 2^16: brings a fraction into the upper part where products of two keep their size. */
const SCALE = 0x4afb;
/** 1/sqrt(2) over 2^16. */
const OFFSET = 0xb505;

/**
 * Searches a prime of `bits` bits, not below 2^bits / sqrt(2) so that the product of two has full size, such that `exponent` has an
 * inverse. Draws from the generator exactly as libtpms does: the position afterwards is part of what a primary key is.
 */
export function findRsaPrime(
  provider: CryptoProvider,
  random: RandomSource,
  bits: number,
  exponent: number,
  level: SeedLevel,
): bigint {
  const rounds = bits < 511 ? 8 : bits < 1536 ? 5 : 4;
  const e = BigInt(exponent);
  for (;;) {
    const bytes = candidateBytes(random.generate(bits / 8), level);
    const first = new DataView(bytes.buffer).getUint32(bytes.length - 4);
    const { base, candidates } = sieve(bytesToBigInt(bytes));
    const start = (first | 0x8000_0000) >>> 0;
    while (candidates.length > 0) {
      const [offset] = candidates.splice(start % candidates.length, 1) as [number];
      const candidate = base + 2n * BigInt(offset);
      const residue = candidate % e;
      if (residue > 1n && isPrime(provider, random, candidate, rounds)) return candidate;
    }
  }
}

/** Big-endian bytes of the odd number that the search starts from. */
function candidateBytes(drawn: Bytes, level: SeedLevel): Bytes {
  const bytes = level === 0 ? drawn.reverse() : drawn;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const high = view.getUint16(0);
  if (level === 0) {
    view.setUint16(0, Math.floor((high * SCALE) / 0x1_0000) + OFFSET);
    // A slip of 64-bit builds at that time, which the keys of that time depend on.
    view.setUint32(2, 0);
  } else {
    const low = view.getUint16(2);
    view.setUint32(0, high * SCALE + Math.floor((low * SCALE) / 0x1_0000) + OFFSET * 0x1_0000);
  }
  const last = bytes.length - 1;
  view.setUint8(last, view.getUint8(last) | 1);
  return bytes;
}

function isPrime(provider: CryptoProvider, random: RandomSource, candidate: bigint, rounds: number): boolean {
  const passes = createMillerRabin((base, exponent, modulus) => provider.modPow(base, exponent, modulus), candidate);
  const size = bitLength(candidate);
  for (let round = 0; round < rounds; round++) {
    if (!passes(drawBase(random, candidate, size))) return false;
  }
  return true;
}

function drawBase(random: RandomSource, candidate: bigint, bits: number): bigint {
  for (;;) {
    const base = BigInt.asUintN(bits, bytesToBigInt(random.generate(Math.ceil(bits / 8))));
    if (base > 1n && base < candidate - 1n) return base;
  }
}
