import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { CURVES, type CurveName, createPortableProvider, isOnCurve } from "../index.ts";
import { EcdhProducts } from "./ecdh-products.ts";
import { GeneratorProducts } from "./generator-products.ts";
import type { NativeProducts } from "./native-products.ts";

const portable = createPortableProvider();
const names = Object.keys(CURVES) as CurveName[];

test("an ECDH object has the curves that OpenSSL has a name for, a generator of one's own all", () => {
  expect(names.filter((name) => EcdhProducts.create(name) === undefined)).toEqual(["BN_P256", "BN_P638"]);
  expect(names.filter((name) => GeneratorProducts.create(name) === undefined)).toEqual([]);
});

const ways = names.flatMap((name) => {
  const all: readonly (NativeProducts | undefined)[] = [EcdhProducts.create(name), GeneratorProducts.create(name)];
  return all.filter((products) => products !== undefined).map((products) => ({ name, products }));
});

describe.each(ways)("$name by $products.constructor.name", ({ name, products }) => {
  const { n, p, G } = CURVES[name];
  const scalars = fc.oneof(fc.bigInt({ min: 1n, max: n - 1n }), fc.constantFrom(1n, 2n, 2n ** 64n, n - 2n, n - 1n));

  test("gives the products that the portable provider gives", () => {
    fc.assert(
      fc.property(scalars, scalars, (q, k) => {
        const Q = products.ofGenerator(q);
        expect(Q).toEqual(portable.multiplyBase(name, q));
        const product = products.ofPoint(Q, k);
        expect(isOnCurve(name, product)).toBe(true);
        expect(product).toEqual(portable.multiply(name, Q, k));
        expect(products.xOfPoint(Q, k)).toBe(product.x);
      }),
      { numRuns: 12 },
    );
  });

  test("multiplies the generator like any other point", () => {
    expect(products.ofPoint(G, 3n)).toEqual(products.ofGenerator(3n));
    expect(products.ofPoint({ x: G.x, y: p - G.y }, n - 1n)).toEqual(G);
  });
});
