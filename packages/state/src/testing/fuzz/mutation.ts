import type { Dice } from "@vtpm/tpm2/testing";
import { type Bytes, concatBytes, type Description } from "@vtpm/wire";

/** Bytes of one part of an image. */
interface Place {
  readonly offset: number;
  readonly size: number;
}

/** Every part of an image that has bytes, from the whole to the smallest. */
export function placesOf({ offset, size, children }: Description): Place[] {
  const own = size > 0 ? [{ offset, size }] : [];
  return [...own, ...children.flatMap(placesOf)];
}

const LIMITS = [0, 1, 2, 3, 7, 8, 15, 16, 31, 32, 63, 64, 127, 128, 255];

/**
 * The bytes with one part of them, as the format has it, changed: to a value that is often a limit, a forged length, by a bit; doubled,
 * left out, or exchanged for another part of this image or of another one.
 */
export function mutate(bytes: Bytes, places: readonly Place[], other: Bytes, dice: Dice): Bytes {
  const { offset, size } = dice.of(places);
  const [before, part, after] = [
    bytes.slice(0, offset),
    bytes.slice(offset, offset + size),
    bytes.slice(offset + size),
  ];
  switch (dice.roll(8)) {
    case 0: // a limit, or one off from it
      return concatBytes(before, new Uint8Array(size).fill(dice.of([0x00, 0xff, 0x7f, 0x80])), after);
    case 1: {
      const changed = part.slice();
      changed[dice.roll(size)] = dice.of(LIMITS);
      return concatBytes(before, changed, after);
    }
    case 2: {
      const changed = part.slice();
      const at = dice.roll(size);
      changed[at] = ((changed[at] ?? 0) + 2 ** dice.roll(8)) % 256;
      return concatBytes(before, changed, after);
    }
    case 3:
      return concatBytes(before, part, part, after);
    case 4:
      return concatBytes(before, after);
    case 5: {
      const { offset: from, size: length } = dice.of(places);
      return concatBytes(before, bytes.slice(from, from + length), after);
    }
    case 6: {
      const from = dice.roll(other.length);
      return concatBytes(before, other.slice(from, from + size), after);
    }
    default:
      return bytes.slice(0, dice.roll(bytes.length + 1));
  }
}
