import type { Bytes, Codec, Rules } from "@vtpm/wire";
import { arbitrary, isInhabited } from "@vtpm/wire/testing";
import fc from "fast-check";

/** Seeded decisions: equal seeds, equal sequence of answers. */
export class Chooser {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** 32 bits of the "mulberry" generator: small, and good enough for choosing. */
  #next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  }

  /** An integer from 0 to `end - 1`. */
  below(end: number): number {
    return Math.floor((this.#next() / 2 ** 32) * end);
  }

  between(first: number, last: number): number {
    return first + this.below(last - first + 1);
  }

  chance(probability: number): boolean {
    return this.#next() / 2 ** 32 < probability;
  }

  pick<const T>(values: readonly T[]): T {
    if (values.length === 0) throw new RangeError("there is nothing to choose from");
    // The index is within the array.
    return values[this.below(values.length)] as T;
  }

  maybe<const T>(values: readonly T[]): T | undefined {
    return values.length === 0 ? undefined : this.pick(values);
  }

  /** One of the values, each as likely as its weight says. */
  weighted<T extends { readonly weight: number }>(values: readonly T[]): T {
    let rest = (this.#next() / 2 ** 32) * values.reduce((sum, { weight }) => sum + weight, 0);
    for (const value of values) {
      rest -= value.weight;
      if (rest < 0) return value;
    }
    return this.pick(values);
  }

  bytes(size: number): Bytes {
    return Uint8Array.from({ length: size }, () => this.below(256));
  }

  /** A value of a schema. */
  value<T>(codec: Codec<T>, rules: Rules): T {
    const values = generatorOf(codec, rules);
    if (values === undefined) throw new RangeError(`no value of ${codec.name} exists`);
    const [value] = fc.sample(values, { seed: this.#next(), numRuns: 1 });
    // The generator's type was forgotten in the cache.
    return value as T;
  }
}

const generators = new WeakMap<Rules, Map<Codec<unknown>, fc.Arbitrary<unknown> | undefined>>();

/** Generators are dear to build and the same for all sequences. */
function generatorOf(codec: Codec<unknown>, rules: Rules): fc.Arbitrary<unknown> | undefined {
  let known = generators.get(rules);
  if (known === undefined) {
    known = new Map();
    generators.set(rules, known);
  }
  if (!known.has(codec)) known.set(codec, isInhabited(codec, rules) ? arbitrary(codec, rules) : undefined);
  return known.get(codec);
}
