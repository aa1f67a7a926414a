import fc from "fast-check";

/** Bytes of any size up to a limit; without the size given, fast-check stays at a handful. */
export function bytesUpTo(maxLength: number): fc.Arbitrary<Uint8Array> {
  return fc.uint8Array({ maxLength, size: "max" });
}

/** Exactly so many bytes. */
export function bytesOf(length: number): fc.Arbitrary<Uint8Array> {
  return fc.uint8Array({ minLength: length, maxLength: length, size: "max" });
}
