import { Field } from "@noble/curves/abstract/modular.js";
import fc from "fast-check";
import { expect, test } from "vitest";
import { mersenneField } from "./mersenne-field.ts";

test.each([13, 127, 521])("products modulo 2^%i - 1 are those of any field", (bits) => {
  const fast = mersenneField(bits);
  const plain = Field(fast.ORDER);
  const last = fast.ORDER - 1n;
  const element = fc.oneof(fc.bigInt({ min: 0n, max: last }), fc.constantFrom(0n, 1n, 2n ** BigInt(bits - 1), last));
  fc.assert(
    fc.property(element, element, (first, second) => {
      expect(fast.mul(first, second)).toBe(plain.mul(first, second));
      expect(fast.sqr(first)).toBe(plain.sqr(first));
      expect(fast.isValid(fast.mul(first, second))).toBe(true);
    }),
    { numRuns: 1000 },
  );
});
