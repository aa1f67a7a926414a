/** Bytes in memory. Core code knows no `Buffer`: its `slice` aliases where this one copies. */
export type Bytes = Uint8Array;

/** No bytes at all; shared, since an empty array cannot be changed. */
export const EMPTY: Bytes = new Uint8Array(0);

/** The same bytes in the same memory, whose `slice` copies: what callers give may be a `Buffer`, or something else that is derived. */
export function plainBytes(bytes: Bytes): Bytes {
  if (Object.getPrototypeOf(bytes) === Uint8Array.prototype) return bytes;
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Joins any number of byte strings into a new one. */
export function concatBytes(...parts: readonly Bytes[]): Bytes {
  let size = 0;
  for (const part of parts) size += part.length;
  const joined = new Uint8Array(size);
  let offset = 0;
  for (const part of parts) {
    joined.set(part, offset);
    offset += part.length;
  }
  return joined;
}

/** Compares public bytes; secrets are compared by the crypto package in constant time. */
export function equalBytes(a: Bytes, b: Bytes): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** `a` with each byte changed by the byte of `mask` at the same place; bytes past the mask stay. */
export function xorBytes(a: Bytes, mask: Bytes): Bytes {
  return a.map((byte, i) => byte ^ (mask[i] ?? 0));
}

/** The bits that are set in either of two byte strings of the same size. */
export function orBytes(a: Bytes, b: Bytes): Bytes {
  if (a.length !== b.length) throw new RangeError(`${a.length} and ${b.length} bytes cannot be joined bit by bit`);
  return a.map((byte, i) => byte | (b[i] ?? 0));
}

/** Lower-case hex without separators. */
export function toHex(bytes: Bytes): string {
  let text = "";
  for (const byte of bytes) text += byte.toString(16).padStart(2, "0");
  return text;
}

/** Reads hex in which white space may separate anything; throws a `RangeError` for anything else. */
export function fromHex(text: string): Bytes {
  const digits = text.replace(/\s+/g, "");
  if (digits.length % 2 !== 0 || /[^0-9a-fA-F]/.test(digits)) {
    throw new RangeError(`expected pairs of hex digits, found ${JSON.stringify(text.slice(0, 40))}`);
  }
  const bytes = new Uint8Array(digits.length / 2);
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16);
  return bytes;
}
