import { bigIntToBytes, bitLength, bytesToBigInt } from "../big-integer.ts";
import type { Bytes, CryptoProvider, RandomSource } from "../provider.ts";
import { findRsaPrime, type SeedLevel } from "./rsa-prime.ts";

/** What kind of key is wanted. */
export interface RsaKeyRequest {
  /** Size of the modulus, a multiple of 1024. */
  readonly bits: number;
  /** A prime from 65537 on; 0 stands for 65537. */
  readonly exponent: number;
  /** Compatibility level of the seed; 1 for keys that derive from none. */
  readonly level: SeedLevel;
  /** Whether the key has the sign attribute: libtpms draws a number for a trial then. */
  readonly sign: boolean;
}

/** A key as a TPM keeps it, and the other prime. All big-endian, primes half the size of the modulus. */
export interface RsaKey {
  readonly modulus: Bytes;
  readonly exponent: number;
  /** The prime found second, which the sensitive area stores. */
  readonly prime: Bytes;
  /** The prime found first. */
  readonly companion: Bytes;
}

const DEFAULT_EXPONENT = 65537;
const MAX_EXPONENT = 0xffff_ffff;
/** FIPS 186-4 wants primes at least this far apart, in bits. */
const MIN_DISTANCE_BITS = 100;
const MAX_TRIES = 99;

/**
 * Makes an RSA key from a generator, as libtpms does: the same generator gives the same key and is at the same position afterwards.
 * Long (20 ms to seconds) and pure, so a host may run it in another thread on an exported generator.
 *
 * @spec Part 1, "RSA Key Generation"
 * @throws RangeError if the size or the exponent is not supported
 */
export function generateRsaKey(provider: CryptoProvider, random: RandomSource, request: RsaKeyRequest): RsaKey {
  const { bits, level, sign } = request;
  if (bits <= 0 || bits % 1024 !== 0) throw new RangeError(`RSA keys of ${bits} bits are not supported`);
  const exponent = checkedExponent(provider, request.exponent);
  let q: bigint | undefined;
  for (let i = 0; i < MAX_TRIES; i++) {
    const p = findRsaPrime(provider, random, bits / 2, exponent, level);
    if (q === undefined) {
      q = p;
      continue;
    }
    if (bitLength(p > q ? p - q : q - p) <= MIN_DISTANCE_BITS) continue;
    const n = p * q;
    if (sign) drawTrial(random, n);
    return {
      modulus: bigIntToBytes(n, bits / 8),
      exponent,
      prime: bigIntToBytes(p, bits / 16),
      companion: bigIntToBytes(q, bits / 16),
    };
  }
  throw new RangeError("the generator gives no primes far enough apart");
}

/** @throws RangeError if a TPM does not make keys with this exponent */
function checkedExponent(provider: CryptoProvider, exponent: number): number {
  if (exponent === 0 || exponent === DEFAULT_EXPONENT) return DEFAULT_EXPONENT;
  if (exponent < DEFAULT_EXPONENT || exponent > MAX_EXPONENT || !provider.isPrime(BigInt(exponent))) {
    throw new RangeError(`RSA exponent ${exponent} is not supported`);
  }
  return exponent;
}

/** The number libtpms encrypts and decrypts for a trial; only the draw matters here. */
function drawTrial(random: RandomSource, n: bigint): void {
  const bits = bitLength(n);
  for (;;) {
    const trial = BigInt.asUintN(bits, bytesToBigInt(random.generate(Math.ceil(bits / 8))));
    if (trial > 0n && trial < n) return;
  }
}
