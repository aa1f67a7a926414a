import { Dice } from "@vtpm/tpm2/testing";
import { equalBytes, toHex } from "@vtpm/wire";
import { mutate, placesOf } from "./mutation.ts";
import { TARGETS } from "./targets.ts";

/** Memory that a case may take beside what it would take as a good one: bytes. */
const MAX_EXTRA_MEMORY = 0x400_0000;
/** Changes to one image. */
const MAX_CHANGES = 3;

export interface FuzzReport {
  readonly cases: number;
  /** Of each target how many were taken as good. */
  readonly taken: ReadonlyMap<string, number>;
  /** The first one for which something happened that must not. */
  readonly failure: string | undefined;
}

/**
 * Gives damaged images, envelopes and headers to all that read them: each is refused with an error of its kind, or is the state of a
 * TPM that works; the bytes stay as they are, and no length that they tell costs memory.
 */
export function fuzzState(options: { readonly seed: number; isOver(cases: number): boolean }): FuzzReport {
  const taken = new Map<string, number>(TARGETS.map(({ name }) => [name, 0]));
  const seeds = TARGETS.map((target) => ({
    target,
    images: target.seeds.map(({ bytes, tree }) => ({ bytes, places: placesOf(tree) })),
  }));
  let cases = 0;
  for (; !options.isOver(cases); cases++) {
    const dice = new Dice(options.seed + cases);
    const { target, images } = dice.of(seeds);
    const image = dice.of(images);
    let bytes = image.bytes;
    for (let changes = 1 + dice.roll(MAX_CHANGES); changes > 0; changes--) {
      bytes = mutate(bytes, image.places, dice.of(images).bytes, dice);
    }
    if (dice.roll(10) > 0) bytes = target.repaired(bytes);
    const before = bytes.slice();
    const memory = process.memoryUsage().arrayBuffers;
    try {
      if (target.take(bytes)) taken.set(target.name, (taken.get(target.name) ?? 0) + 1);
      if (!equalBytes(bytes, before)) throw new Error("the bytes were changed");
      const extra = process.memoryUsage().arrayBuffers - memory;
      if (extra > MAX_EXTRA_MEMORY) throw new Error(`it took ${extra} bytes of memory`);
    } catch (error) {
      const text = error instanceof Error ? `${error.stack}\n${String(error.cause ?? "")}` : String(error);
      const failure = `${target.name}, seed ${options.seed + cases}: ${text}\n${toHex(before)}`;
      return { cases, taken, failure };
    }
  }
  return { cases, taken, failure: undefined };
}
