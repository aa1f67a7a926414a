import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { bitLength, byteLength, mod } from "../big-integer.ts";
import { addPoints, CURVES, type CurveName, createPortableProvider, isOnCurve } from "../index.ts";
import { providers } from "../testing/providers.ts";

const reference = createPortableProvider();
const curves = Object.values(CURVES);
const names = Object.keys(CURVES) as CurveName[];

test.each(curves)("the parameters of $name fit together", ({ name, p, n, G, bits, fieldSize, orderSize }) => {
  expect(isOnCurve(name, G)).toBe(true);
  expect(reference.isPrime(p)).toBe(true);
  expect(reference.isPrime(n)).toBe(true);
  expect([bitLength(p), byteLength(p), byteLength(n)]).toEqual([bits, fieldSize, orderSize]);
  // The group has order n and no other within Hasse's bound, for n is prime and nG is nothing.
  expect((n - p - 1n) ** 2n <= 4n * p).toBe(true);
  const last = reference.multiplyBase(name, n - 1n);
  expect(last).toEqual({ x: G.x, y: p - G.y });
});

test.each(curves)("points beside $name are told apart", ({ name, p, G }) => {
  expect(isOnCurve(name, { x: G.x, y: mod(G.y + 1n, p) })).toBe(false);
  expect(isOnCurve(name, { x: G.x + p, y: G.y })).toBe(false);
  expect(isOnCurve(name, { x: G.x, y: G.y - p })).toBe(false);
  expect(isOnCurve(name, { x: 0n, y: 0n })).toBe(false);
});

describe.each(providers)("point arithmetic of the $name provider", (provider) => {
  test.each(curves)("$name: special scalars", ({ name, n, p, G }) => {
    const negativeG = { x: G.x, y: p - G.y };
    expect(provider.multiplyBase(name, 0n)).toBeUndefined();
    expect(provider.multiplyBase(name, n)).toBeUndefined();
    expect(provider.multiplyBase(name, 1n)).toEqual(G);
    expect(provider.multiplyBase(name, n + 1n)).toEqual(G);
    const Q = provider.multiplyBase(name, 12345n) ?? G;
    const negativeQ = { x: Q.x, y: p - Q.y };
    expect(isOnCurve(name, Q)).toBe(true);
    expect(provider.multiply(name, Q, 0n)).toBeUndefined();
    expect(provider.multiply(name, Q, 2n * n)).toBeUndefined();
    expect(provider.multiplyX(name, Q, n)).toBeUndefined();
    expect(provider.multiply(name, Q, 1n)).toEqual(Q);
    expect(provider.multiply(name, Q, n - 1n)).toEqual(negativeQ);
    expect(provider.multiply(name, Q, n - 2n)).toEqual(provider.multiplyBase(name, n - 24690n));
    expect(provider.multiply(name, Q, 2n)).toEqual(addPoints(CURVES[name], Q, Q));
    expect(provider.multiplyX(name, Q, n - 1n)).toBe(Q.x);

    // Sums whose terms meet: equal, opposite, missing.
    expect(provider.multiplyAdd(name, 12345n, Q, 1n)).toEqual(provider.multiplyBase(name, 24690n));
    expect(provider.multiplyAdd(name, n - 12345n, Q, 1n)).toBeUndefined();
    expect(provider.multiplyAddX(name, n - 12345n, Q, 1n)).toBeUndefined();
    expect(provider.multiplyAdd(name, 5n, Q, 0n)).toEqual(provider.multiplyBase(name, 5n));
    expect(provider.multiplyAdd(name, 0n, Q, 5n)).toEqual(provider.multiply(name, Q, 5n));
    expect(provider.multiplyAdd(name, 0n, Q, 0n)).toBeUndefined();
    expect(provider.multiplyAdd(name, 1n, negativeG, n - 1n)).toEqual(provider.multiplyBase(name, 2n));
    expect(provider.multiplyAddX(name, 0n, Q, 1n)).toBe(Q.x);
  });

  test.each(names)("%s: agrees with the other provider and with the group's laws", (name) => {
    const { n } = CURVES[name];
    const scalar = fc.bigInt({ min: 1n, max: n - 1n });
    fc.assert(
      fc.property(scalar, scalar, scalar, (a, b, k) => {
        const Q = provider.multiplyBase(name, k);
        expect(Q).toEqual(reference.multiplyBase(name, k));
        if (Q === undefined) return;
        const product = provider.multiply(name, Q, b);
        expect(product).toEqual(reference.multiplyBase(name, b * k));
        expect(provider.multiplyX(name, Q, b)).toBe(product?.x);
        const sum = provider.multiplyAdd(name, a, Q, b);
        expect(sum).toEqual(reference.multiplyBase(name, a + b * k));
        expect(provider.multiplyAddX(name, a, Q, b)).toBe(sum?.x);
      }),
      { numRuns: 6 },
    );
  });
});
