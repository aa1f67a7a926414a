import type { Bytes } from "./provider.ts";

/** Compares secrets: the time depends on the sizes only, never on the content. */
export function equalBytesConstantTime(a: Bytes, b: Bytes): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let i = 0; i < a.length; i++) difference |= (a[i] as number) ^ (b[i] as number);
  return difference === 0;
}

/** 1 if a byte is zero, else 0, without a branch. */
export function isZeroByte(byte: number): number {
  return ((byte - 1) >>> 31) & 1;
}
