import { generateScalar } from "../ecc/scalar.ts";
import type { CryptoProvider, CurveName, Point, RandomSource } from "../provider.ts";

/** A key pair on a curve. */
export interface EccKey {
  readonly d: bigint;
  readonly Q: Point;
}

/** A key pair from one draw of `order size + 8` bytes. @spec Part 1, "ECC Key Creation" */
export function generateEccKey(provider: CryptoProvider, curve: CurveName, random: RandomSource): EccKey {
  const d = generateScalar(curve, random);
  const Q = provider.multiplyBase(curve, d);
  if (Q === undefined) throw new Error("a scalar below the order gave the point at infinity");
  return { d, Q };
}
