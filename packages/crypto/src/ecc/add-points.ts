import { mod, modInverse } from "../big-integer.ts";
import type { Point } from "../provider.ts";
import type { Curve } from "./curves.ts";

/** Sum of two points; `undefined` for the point at infinity. Its time depends on the points: for public ones. */
export function addPoints({ p, a }: Curve, first: Point, second: Point): Point | undefined {
  const isSameX = first.x === second.x;
  // No point of a curve of odd order has y = 0, so equal points can always be doubled.
  if (isSameX && first.y !== second.y) return undefined;
  const slope = isSameX
    ? (3n * first.x * first.x + a) * modInverse(2n * first.y, p)
    : (second.y - first.y) * modInverse(second.x - first.x, p);
  const reduced = mod(slope, p);
  const x = mod(reduced * reduced - first.x - second.x, p);
  return { x, y: mod(reduced * (first.x - x) - first.y, p) };
}
