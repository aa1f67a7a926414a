import { concatBytes } from "@vtpm/wire";
import { bigIntToBytes, byteLength, bytesToBigInt } from "./big-integer.ts";
import type { CryptoProvider } from "./provider.ts";

/** Below this the primes up to 41 as bases leave no doubt (Sorenson, Webster: "Strong pseudoprimes to twelve prime bases"). */
const CERTAIN_BELOW = 3_317_044_064_679_887_385_961_981n;
const SMALL_PRIMES = [2n, 3n, 5n, 7n, 11n, 13n, 17n, 19n, 23n, 29n, 31n, 37n, 41n] as const;
/** Each round lets a composite through with probability 1/4 at most. */
const ROUNDS = 64;

/**
 * The Miller-Rabin test of one odd candidate above 3 for any number of bases.
 *
 * @returns a function: whether the candidate is prime as far as a base, `1 < base < candidate - 1`, can tell
 */
export function createMillerRabin(modPow: CryptoProvider["modPow"], candidate: bigint): (base: bigint) => boolean {
  const last = candidate - 1n;
  let twos = 0;
  let odd = last;
  while ((odd & 1n) === 0n) {
    odd >>= 1n;
    twos++;
  }
  return (base) => {
    let power = modPow(base, odd, candidate);
    if (power === 1n || power === last) return true;
    for (let i = 1; i < twos; i++) {
      power = (power * power) % candidate;
      if (power === last) return true;
    }
    return false;
  };
}

/**
 * Whether a number of any origin is prime. The bases for large numbers are digests of the candidate: equal in every run, and
 * nothing that whoever made the candidate could have aimed at.
 */
export function isProbablePrime(provider: Pick<CryptoProvider, "modPow" | "hash">, candidate: bigint): boolean {
  if (candidate < 2n) return false;
  for (const prime of SMALL_PRIMES) if (candidate % prime === 0n) return candidate === prime;
  const passes = createMillerRabin(provider.modPow.bind(provider), candidate);
  if (candidate < CERTAIN_BELOW) return SMALL_PRIMES.every((prime) => passes(prime));
  const seed = bigIntToBytes(candidate, byteLength(candidate));
  for (let i = 0; i < ROUNDS; i++) {
    const digest = provider.hash("SHA512", concatBytes(Uint8Array.of(i), seed));
    if (!passes((bytesToBigInt(digest) % (candidate - 3n)) + 2n)) return false;
  }
  return true;
}
