import { bitLength } from "../big-integer.ts";

/** Odd numbers of a field: flag j stands for base + 2j. */
const FIELD_SIZE = 16384;
/** 3 * 5 * 7: the base is a multiple, so their multiples are at the same places of every field. */
const WHEEL = 105;
/** Numbers above this are not exact as a double. */
const MAX_GROUP = 2 ** 53;

/** Small primes whose product a double holds: one division of the large number serves all of them. */
interface PrimeGroup {
  readonly product: bigint;
  readonly primes: readonly number[];
}

const groupsByLimit = new Map<number, readonly PrimeGroup[]>();
let wheelPattern: Uint8Array | undefined;

/** A field and what the small primes left of it. */
export interface SievedField {
  /** Odd, a multiple of 105, at most 210 below the number asked for. */
  readonly base: bigint;
  /** The flags left, ascending. */
  readonly candidates: number[];
}

/** Sieves the field around an odd number; the primes used depend on its size as in libtpms. */
export function sieve(start: bigint): SievedField {
  const bits = bitLength(start);
  let adjust = Number(start % BigInt(WHEEL));
  if (adjust % 2 === 1) adjust += WHEEL;
  const base = start - BigInt(adjust);
  wheelPattern ??= Uint8Array.from({ length: FIELD_SIZE }, (_, j) => (j % 3 && j % 5 && j % 7 ? 1 : 0));
  const flags = wheelPattern.slice();
  for (const { product, primes } of primeGroups(sieveLimit(bits))) {
    const groupResidue = Number(base % product);
    for (const prime of primes) {
      const residue = groupResidue % prime;
      let j = residue === 0 ? 0 : residue % 2 === 1 ? (prime - residue) / 2 : prime - residue / 2;
      for (; j < FIELD_SIZE; j += prime) flags[j] = 0;
    }
  }
  const candidates: number[] = [];
  for (let j = 0; j < FIELD_SIZE; j++) if (flags[j] === 1) candidates.push(j);
  return { base, candidates };
}

function sieveLimit(bits: number): number {
  // 65537 is left out on purpose: it must not change what derives from a seed.
  return bits <= 512 ? 8167 : bits <= 1024 ? 38891 : 65521;
}

/** Primes from 11 to the limit, as many to a group as fit. */
function primeGroups(limit: number): readonly PrimeGroup[] {
  let groups = groupsByLimit.get(limit);
  if (groups === undefined) {
    groups = makeGroups(limit);
    groupsByLimit.set(limit, groups);
  }
  return groups;
}

function makeGroups(limit: number): PrimeGroup[] {
  const groups: PrimeGroup[] = [];
  let product = 1;
  let primes: number[] = [];
  for (const prime of primesUpTo(limit)) {
    if (prime < 11) continue;
    if (product * prime > MAX_GROUP) {
      groups.push({ product: BigInt(product), primes });
      product = 1;
      primes = [];
    }
    product *= prime;
    primes.push(prime);
  }
  groups.push({ product: BigInt(product), primes });
  return groups;
}

function primesUpTo(limit: number): number[] {
  const isComposite = new Uint8Array(limit + 1);
  const primes: number[] = [];
  for (let number = 2; number <= limit; number++) {
    if (isComposite[number] === 1) continue;
    primes.push(number);
    for (let multiple = number * number; multiple <= limit; multiple += number) isComposite[multiple] = 1;
  }
  return primes;
}
