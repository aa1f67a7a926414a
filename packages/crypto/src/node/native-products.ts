import { bigIntToBytes, bytesToBigInt } from "../big-integer.ts";
import type { Curve } from "../ecc/curves.ts";
import type { Bytes, Point } from "../provider.ts";

/** A way to make OpenSSL multiply points of one curve. Every point is on it, for every scalar `0 < k < n`. */
export interface NativeProducts {
  ofGenerator(k: bigint): Point;
  ofPoint(point: Point, k: bigint): Point;
  /** The x coordinate alone, where that is cheaper. */
  xOfPoint(point: Point, k: bigint): bigint;
}

const UNCOMPRESSED = 4;

/** @spec SEC 1, "Elliptic-Curve-Point-to-Octet-String Conversion" */
export function encodePoint({ fieldSize }: Curve, { x, y }: Point): Bytes {
  const encoded = new Uint8Array(1 + 2 * fieldSize);
  encoded[0] = UNCOMPRESSED;
  encoded.set(bigIntToBytes(x, fieldSize), 1);
  encoded.set(bigIntToBytes(y, fieldSize), 1 + fieldSize);
  return encoded;
}

/** The point whose encoding these bytes end with. */
export function decodePoint({ fieldSize }: Curve, encoded: Bytes): Point {
  return {
    x: bytesToBigInt(encoded.subarray(-2 * fieldSize, -fieldSize)),
    y: bytesToBigInt(encoded.subarray(-fieldSize)),
  };
}
