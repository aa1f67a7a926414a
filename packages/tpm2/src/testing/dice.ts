import type { Bytes } from "@vtpm/wire";

/** Small numbers that are the same for the same seed: a linear congruential generator. */
export class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** 0 to sides - 1. */
  roll(sides: number): number {
    this.#state = (Math.imul(this.#state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((this.#state / 2 ** 32) * sides);
  }

  /** One of the values. */
  of<T>(values: readonly T[]): T {
    const value = values[this.roll(values.length)];
    if (value === undefined) throw new RangeError("nothing to choose from");
    return value;
  }

  /** Bytes without meaning. */
  bytes(size: number): Bytes {
    return Uint8Array.from({ length: size }, () => this.roll(256));
  }
}
