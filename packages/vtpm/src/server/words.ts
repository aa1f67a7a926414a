import type { Bytes } from "@vtpm/wire";

/** The big-endian word at `offset`; the caller has checked that it is there. */
export function uint32At(bytes: Bytes, offset: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(offset);
}

/** Big-endian words one after the other. */
export function uint32s(...values: readonly number[]): Bytes {
  const bytes = new Uint8Array(4 * values.length);
  const view = new DataView(bytes.buffer);
  for (const [i, value] of values.entries()) view.setUint32(4 * i, value);
  return bytes;
}
