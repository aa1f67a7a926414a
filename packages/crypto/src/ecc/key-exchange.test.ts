import { describe, expect, test } from "vitest";
import { CURVES, type CurveName, exchangeEcdh, exchangeMqv, exchangeSm2, type Point } from "../index.ts";
import { providers } from "../testing/providers.ts";

describe.each(providers)("key exchange on the $name provider", (provider) => {
  const keyPair = (curve: CurveName, d: bigint) => ({ d, Q: provider.multiplyBase(curve, d) as Point });

  test.each(Object.keys(CURVES) as CurveName[])("%s: both sides arrive at the same point", (curve) => {
    const { n } = CURVES[curve];
    const [staticA, ephemeralA] = [keyPair(curve, n / 3n), keyPair(curve, n / 5n)];
    const [staticB, ephemeralB] = [keyPair(curve, n / 7n), keyPair(curve, n / 11n)];
    const a = { staticA: staticA.d, ephemeralA: ephemeralA.d, staticB: staticB.Q, ephemeralB: ephemeralB.Q };
    const b = { staticA: staticB.d, ephemeralA: ephemeralB.d, staticB: staticA.Q, ephemeralB: ephemeralA.Q };
    for (const exchange of [exchangeMqv, exchangeSm2]) {
      const shared = exchange(provider, curve, a);
      expect(shared).toBeDefined();
      expect(exchange(provider, curve, b)).toEqual(shared);
      expect(exchange(provider, curve, { ...b, ephemeralB: staticA.Q })).not.toEqual(shared);
    }
    expect(exchangeEcdh(provider, curve, staticA.d, staticB.Q)).toEqual(
      exchangeEcdh(provider, curve, staticB.d, staticA.Q),
    );
  });
});
