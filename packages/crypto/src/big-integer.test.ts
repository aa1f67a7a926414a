import { fromHex } from "@vtpm/wire";
import fc from "fast-check";
import { expect, test } from "vitest";
import { bigIntToBytes, bitLength, byteLength, bytesToBigInt, gcd, mod, modInverse } from "./big-integer.ts";
import { bytesUpTo } from "./testing/arbitraries.ts";

const anyNumber = bytesUpTo(300).map(bytesToBigInt);

test("bytes and numbers convert both ways", () => {
  fc.assert(
    fc.property(bytesUpTo(300), (bytes) => {
      const number = bytesToBigInt(bytes);
      expect(number).toBe(BigInt(`0x0${Buffer.from(bytes).toString("hex")}`));
      expect(bigIntToBytes(number, bytes.length)).toEqual(bytes);
    }),
  );
  expect(bytesToBigInt(fromHex("ff 0102030405060708").subarray(1))).toBe(0x0102030405060708n);
});

test("numbers that do not fit are refused", () => {
  expect(() => bigIntToBytes(256n, 1)).toThrow(RangeError);
  expect(() => bigIntToBytes(1n << 64n, 8)).toThrow(RangeError);
  expect(() => bigIntToBytes(-1n, 8)).toThrow(RangeError);
  expect(() => bigIntToBytes(1n, 0)).toThrow(RangeError);
  expect(bigIntToBytes(0n, 0)).toEqual(new Uint8Array(0));
});

test("lengths count significant bits and bytes", () => {
  fc.assert(
    fc.property(anyNumber, (number) => {
      const bits = number === 0n ? 0 : number.toString(2).length;
      expect([bitLength(number), byteLength(number)]).toEqual([bits, Math.ceil(bits / 8)]);
    }),
  );
});

test("inverses multiply to one, and are refused where there are none", () => {
  const primes = [7n, 65537n, (1n << 61n) - 1n, (1n << 127n) - 1n, (1n << 521n) - 1n, (1n << 1279n) - 1n];
  fc.assert(
    fc.property(fc.constantFrom(...primes), anyNumber, (modulus, number) => {
      if (number % modulus === 0n) return;
      expect(mod(number * modInverse(number, modulus), modulus)).toBe(1n);
      expect(mod(-number * modInverse(-number, modulus), modulus)).toBe(1n);
    }),
  );
  for (const [value, m] of [
    [0n, 7n],
    [14n, 7n],
    [6n, 9n],
    [2n, 4n],
  ] as const) {
    expect(() => modInverse(value, m)).toThrow(RangeError);
  }
});

test("the greatest common divisor is Euclid's", () => {
  const euclid = (a: bigint, b: bigint): bigint => (b === 0n ? a : euclid(b, a % b));
  fc.assert(
    fc.property(anyNumber, anyNumber, bytesUpTo(100).map(bytesToBigInt), (a, b, common) => {
      expect(gcd(a, b)).toBe(euclid(a, b));
      expect(gcd(a * common, b * common)).toBe(euclid(a * common, b * common));
    }),
  );
  expect([gcd(0n, 0n), gcd(0n, 5n), gcd(5n, 0n), gcd(7n, 7n)]).toEqual([0n, 5n, 5n, 7n]);
});
