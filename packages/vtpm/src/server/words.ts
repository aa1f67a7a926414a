import type { Bytes } from "@vtpm/wire";

/** The big-endian word at `offset`; the caller has checked that it is there. */
export function uint32At(bytes: Bytes, offset: number): number {
  // By hand: a view would be the only thing that a short command allocates here.
  const [a = 0, b = 0, c = 0, d = 0] = [bytes[offset], bytes[offset + 1], bytes[offset + 2], bytes[offset + 3]];
  return ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
}

/** Big-endian words one after the other. */
export function uint32s(...values: readonly number[]): Bytes {
  const bytes = new Uint8Array(4 * values.length);
  const view = new DataView(bytes.buffer);
  for (const [i, value] of values.entries()) view.setUint32(4 * i, value);
  return bytes;
}
