import { bigIntToBytes, CURVES, type CurveName, type RandomSource } from "../index.ts";

/** A source that counts up, the same in every run. */
export function countingRandom(start = 0): RandomSource {
  let next = start;
  return { generate: (size) => Uint8Array.from({ length: size }, () => next++ * 167) };
}

/** A source from which `generateScalar` makes the given number first, and something else afterwards. */
export function randomForScalar(curve: CurveName, scalar: bigint): RandomSource {
  const rest = countingRandom(7);
  let isFirst = true;
  return {
    generate(size) {
      if (!isFirst) return rest.generate(size);
      isFirst = false;
      return bigIntToBytes((scalar - 1n) % (CURVES[curve].n - 1n), size);
    },
  };
}
