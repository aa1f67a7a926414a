import { bytesToBigInt } from "../big-integer.ts";
import { isKeySize } from "../cipher-sizes.ts";
import type { Bytes, RandomSource } from "../provider.ts";

const KEY_SIZE = 8;

/** Weak, semi-weak and possibly weak DES keys, with odd parity. @spec SP800-67, "Weak Keys" */
// biome-ignore format: a table
const WEAK_KEYS: ReadonlySet<bigint> = new Set([
  0x0101010101010101n, 0xfefefefefefefefen, 0xe0e0e0e0f1f1f1f1n, 0x1f1f1f1f0e0e0e0en,
  0x011f011f010e010en, 0x1f011f010e010e01n, 0x01e001e001f101f1n, 0xe001e001f101f101n,
  0x01fe01fe01fe01fen, 0xfe01fe01fe01fe01n, 0x1fe01fe00ef10ef1n, 0xe01fe01ff10ef10en,
  0x1ffe1ffe0efe0efen, 0xfe1ffe1ffe0efe0en, 0xe0fee0fef1fef1fen, 0xfee0fee0fef1fef1n,
  0x01011f1f01010e0en, 0x1f1f01010e0e0101n, 0xe0e01f1ff1f10e0en, 0x0101e0e00101f1f1n,
  0x1f1fe0e00e0ef1f1n, 0xe0e0fefef1f1fefen, 0x0101fefe0101fefen, 0x1f1ffefe0e0efefen,
  0xe0fe011ff1fe010en, 0x011f1f01010e0e01n, 0x1fe001fe0ef101fen, 0xe0fe1f01f1fe0e01n,
  0x011fe0fe010ef1fen, 0x1fe0e01f0ef1f10en, 0xe0fefee0f1fefef1n, 0x011ffee0010efef1n,
  0x1fe0fe010ef1fe01n, 0xfe0101fefe0101fen, 0x01e01ffe01f10efen, 0x1ffe01e00efe01f1n,
  0xfe011fe0fe010ef1n, 0xfe01e01ffe01f10en, 0x1ffee0010efef101n, 0xfe1f01e0fe0e01f1n,
  0x01e0e00101f1f101n, 0x1ffefe1f0efefe0en, 0xfe1fe001fe0ef101n, 0x01e0fe1f01f1fe0en,
  0xe00101e0f10101f1n, 0xfe1f1ffefe0e0efen, 0x01fe1fe001fe0ef1n, 0xe0011ffef1010efen,
  0xfee0011ffef1010en, 0x01fee01f01fef10en, 0xe001fe1ff101fe0en, 0xfee01f01fef10e01n,
  0x01fefe0101fefe01n, 0xe01f01fef10e01fen, 0xfee0e0fefef1f1fen, 0x1f01011f0e01010en,
  0xe01f1fe0f10e0ef1n, 0xfefe0101fefe0101n, 0x1f01e0fe0e01f1fen, 0xe01ffe01f10efe01n,
  0xfefe1f1ffefe0e0en, 0x1f01fee00e01fef1n, 0xe0e00101f1f10101n, 0xfefee0e0fefef1f1n,
]);

/**
 * Draws until the key is one to use; each byte gets odd parity.
 *
 * @param size 16 (two keys) or 24 bytes (three)
 * @throws RangeError for any other size
 */
export function generateTdesKey(size: number, random: RandomSource): Bytes {
  if (!isKeySize("TDES", size)) throw new RangeError(`TDES has no key of ${size} bytes`);
  for (;;) {
    const key = random.generate(size).map(withOddParity);
    if (isTdesKeyUsable(key)) return key;
  }
}

/** Whether no part of a key, parity aside, is weak or equal to its neighbour. */
export function isTdesKeyUsable(key: Bytes): boolean {
  if (!isKeySize("TDES", key.length)) return false;
  let previous: bigint | undefined;
  for (let start = 0; start < key.length; start += KEY_SIZE) {
    const part = bytesToBigInt(key.slice(start, start + KEY_SIZE).map(withOddParity));
    if (WEAK_KEYS.has(part) || part === previous) return false;
    previous = part;
  }
  return true;
}

/** The byte with its lowest bit set so that the number of ones is odd. */
function withOddParity(byte: number): number {
  let folded = byte & 0xfe;
  folded ^= folded >>> 4;
  folded ^= folded >>> 2;
  folded ^= folded >>> 1;
  return (byte & 0xfe) | ((folded & 1) ^ 1);
}
