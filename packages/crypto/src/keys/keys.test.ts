import { fromHex, toHex } from "@vtpm/wire";
import { describe, expect, test } from "vitest";
import {
  bytesToBigInt,
  CURVES,
  createKdfaStream,
  Drbg,
  generateEccKey,
  generateRsaKey,
  generateScalar,
  generateSymmetricKey,
  isTdesKeyUsable,
  type RandomSource,
} from "../index.ts";
import { createNodeEntropy } from "../node/index.ts";
import { randomForScalar } from "../testing/fixed-random.ts";
import { providers } from "../testing/providers.ts";

/** A source that hands out what it is given, in order. */
function scripted(...answers: string[]): RandomSource {
  const left = answers.map(fromHex);
  return {
    generate(size) {
      const next = left.shift();
      if (next?.length !== size) throw new Error(`asked for ${size} bytes`);
      return next;
    },
  };
}

describe.each(providers)("keys on the $name provider", (provider) => {
  test("RSA keys are two primes of half the size", () => {
    const drbg = Drbg.instantiateSeeded(provider, fromHex("0102"));
    const request = { bits: 1024, exponent: 0, level: 1, sign: true } as const;
    const key = generateRsaKey(provider, drbg, request);
    const [p, q] = [bytesToBigInt(key.prime), bytesToBigInt(key.companion)];
    expect([key.exponent, key.modulus.length, key.prime.length, key.companion.length]).toEqual([65537, 128, 64, 64]);
    expect(p * q).toBe(bytesToBigInt(key.modulus));
    expect([provider.isPrime(p), provider.isPrime(q)]).toEqual([true, true]);
    const block = provider.rsaPublic(key.modulus, key.exponent, Uint8Array.of(42));
    expect(bytesToBigInt(provider.rsaPrivate(key, block))).toBe(42n);
    // The other provider finds the same key, and leaves the generator at the same place.
    for (const other of providers) {
      const same = Drbg.instantiateSeeded(other, fromHex("0102"));
      expect(generateRsaKey(other, same, request)).toEqual(key);
      expect(same.exportState()).toEqual(drbg.exportState());
    }
  });

  test.each([
    ["a size that is not a multiple of 1024", 1536, 0],
    ["no size", 0, 0],
    ["a small exponent", 1024, 3],
    ["an exponent of more than 32 bits", 1024, 65539 * 65537],
    ["a composite exponent", 1024, 65541],
    ["an even exponent", 1024, 65538],
  ])("RSA refuses %s", (_, bits, exponent) => {
    const drbg = Drbg.instantiateSeeded(provider, fromHex("00"));
    expect(() => generateRsaKey(provider, drbg, { bits, exponent, level: 1, sign: false })).toThrow(RangeError);
  });

  test("ECC keys come from one draw", () => {
    const key = generateEccKey(provider, "NIST_P256", randomForScalar("NIST_P256", 5n));
    expect(key).toEqual({ d: 5n, Q: provider.multiplyBase("NIST_P256", 5n) });
    const stream = createKdfaStream(provider, {
      hashAlg: "SHA256",
      key: fromHex("01"),
      label: "a",
      contextU: fromHex("02"),
      contextV: fromHex("03"),
      bits: 8192,
    });
    const derived = generateEccKey(provider, "NIST_P521", stream);
    expect(derived.d > 0n && derived.d < CURVES.NIST_P521.n).toBe(true);
  });

  test("scalars are never zero and never the order", () => {
    expect(generateScalar("NIST_P256", scripted("00".repeat(40)))).toBe(1n);
    const { n } = CURVES.NIST_P256;
    expect(generateScalar("NIST_P256", scripted((n - 2n).toString(16).padStart(80, "0")))).toBe(n - 1n);
    expect(generateScalar("NIST_P256", scripted((n - 1n).toString(16).padStart(80, "0")))).toBe(1n);
  });
});

describe("symmetric keys", () => {
  const good = "0123456789abcdef fedcba9876543210";

  test("have the size asked for", () => {
    expect(toHex(generateSymmetricKey("AES", 16, scripted("aa".repeat(16))))).toBe("aa".repeat(16));
    expect(() => generateSymmetricKey("AES", 15, scripted())).toThrow(RangeError);
    expect(() => generateSymmetricKey("TDES", 8, scripted())).toThrow(RangeError);
  });

  test("of TDES get odd parity", () => {
    const key = generateSymmetricKey("TDES", 16, scripted("0022446688aaccee ffddbb9977553311"));
    expect(toHex(key)).toBe("0123456789abcdef" + "fedcba9876543210");
  });

  test("of TDES are drawn again while a part is weak or equal to its neighbour", () => {
    const weak = "0000000000000000 fedcba9876543210";
    const equal = "0123456789abcdef 0123456789abcdef";
    expect(toHex(generateSymmetricKey("TDES", 16, scripted(weak, equal, good)))).toBe(good.replace(" ", ""));
  });

  test.each([
    ["two different parts", good, true],
    ["three parts, first and last equal", `${good} 0123456789abcdef`, true],
    ["parity wrong but parts different", "0022446688aaccee ffddbb9977553311", true],
    ["equal parts", "0123456789abcdef 0022446688aaccee", false],
    ["equal second and third part", `${good} fedcba9876543210`, false],
    ["a weak part", "0123456789abcdef 1f1f1f1f0e0e0e0e", false],
    ["a possibly weak part, parity wrong", "0123456789abcdef fffe1e1efefe0f0e", false],
    ["one part", "0123456789abcdef", false],
    ["no part", "", false],
  ])("of TDES with %s: usable or not", (_, hex, usable) => {
    expect(isTdesKeyUsable(fromHex(hex))).toBe(usable);
  });
});

test("entropy of the system differs and is not handed out twice", () => {
  const entropy = createNodeEntropy();
  const seen = new Set<string>();
  for (let i = 0; i < 300; i++) seen.add(toHex(entropy.generate(32)));
  expect(seen.size).toBe(300);
  expect(entropy.generate(10_000).length).toBe(10_000);
  expect(entropy.generate(0).length).toBe(0);
});
