import { bytesToBigInt } from "../big-integer.ts";
import type { CurveName, RandomSource } from "../provider.ts";
import { CURVES } from "./curves.ts";

/** Bytes drawn beyond the size of the order, so that the remainder is as good as uniform. */
const EXTRA_SIZE = 8;

/**
 * A private scalar, `0 < d < n`, from one draw: the way keys are derived, bit for bit.
 *
 * @spec FIPS 186-4, "Key Pair Generation Using Extra Random Bits"
 */
export function generateScalar(curve: CurveName, random: RandomSource): bigint {
  const { n, orderSize } = CURVES[curve];
  return (bytesToBigInt(random.generate(orderSize + EXTRA_SIZE)) % (n - 1n)) + 1n;
}
