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
