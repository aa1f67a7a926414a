import { modInverse } from "../big-integer.ts";
import type { CurveName, RandomSource } from "../provider.ts";
import { CURVES } from "./curves.ts";
import { generateScalar } from "./scalar.ts";

/** `secret^-1 mod n`, by inverting a product with a random factor: the time of an inversion depends on what is inverted. */
export function blindedInverse(curve: CurveName, secret: bigint, random: RandomSource): bigint {
  const { n } = CURVES[curve];
  const factor = generateScalar(curve, random);
  return (modInverse((secret * factor) % n, n) * factor) % n;
}
