import { type Bytes, xorBytes } from "@vtpm/wire";
import fc from "fast-check";

/** An image with one byte changed, mostly by a bit or to a value that is often a limit. */
export function damaged(image: Bytes): fc.Arbitrary<Bytes> {
  const byte = fc.oneof(fc.constantFrom(0x00, 0x01, 0x7f, 0x80, 0xff), fc.integer({ min: 0, max: 255 }));
  return fc.record({ at: fc.nat(image.length - 1), byte, bit: fc.option(fc.nat(7)) }).map(({ at, byte, bit }) => {
    const changed = image.slice();
    changed.set(bit === null ? [byte] : xorBytes(image.slice(at, at + 1), Uint8Array.of(2 ** bit)), at);
    return changed;
  });
}

/** Images up to this size are cut at every byte, larger ones in this first part of them. */
const CUT_EVERYWHERE = 1500;

/** The size behind this one that an image is cut to: all of them, but for some far into large images. */
export const nextCut = (size: number, whole: number): number =>
  size + (whole <= 2 * CUT_EVERYWHERE || size < CUT_EVERYWHERE ? 1 : 7);
