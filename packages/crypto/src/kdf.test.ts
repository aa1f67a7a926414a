import { createHash, createHmac } from "node:crypto";
import { concatBytes, EMPTY, toHex } from "@vtpm/wire";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createKdfaStream, type HashName, KDFa, KDFe, mgf1 } from "./index.ts";
import { bytesUpTo } from "./testing/arbitraries.ts";
import { providers } from "./testing/providers.ts";

const anyHash = fc.constantFrom<HashName>("SHA1", "SHA256", "SHA384", "SHA512");
const word = (value: number) => Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
const text = (letters: string) => Uint8Array.from(letters, (letter) => letter.charCodeAt(0));

describe.each(providers)("key derivation on the $name provider", (provider) => {
  test("KDFa is the HMAC of counter, label, contexts and size, block after block", () => {
    fc.assert(
      fc.property(anyHash, bytesUpTo(70), bytesUpTo(40), bytesUpTo(40), fc.nat(2000), (hashAlg, key, U, V, bits) => {
        const blocks = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13].map((counter) =>
          createHmac(hashAlg.toLowerCase(), key)
            .update(concatBytes(word(counter), text("STORAGE\0"), U, V, word(bits)))
            .digest(),
        );
        const expected = concatBytes(...blocks).slice(0, Math.ceil(bits / 8));
        expect(KDFa(provider, { hashAlg, key, label: "STORAGE", contextU: U, contextV: V, bits })).toEqual(expected);
      }),
      { numRuns: 50 },
    );
  });

  test("labels end with one NUL, whichever way they come", () => {
    const derive = (label: string | Uint8Array) =>
      toHex(KDFa(provider, { hashAlg: "SHA256", key: EMPTY, label, contextU: EMPTY, contextV: EMPTY, bits: 256 }));
    expect(derive(text("CFB"))).toBe(derive("CFB"));
    expect(derive(text("CFB\0"))).toBe(derive("CFB"));
    expect(derive("")).toBe(derive(Uint8Array.of(0)));
    expect(derive("")).not.toBe(derive("\0\0"));
  });

  test("a KDFa stream goes on where the last request ended, up to its size", () => {
    const input = {
      hashAlg: "SHA1",
      key: text("k"),
      label: "x",
      contextU: EMPTY,
      contextV: text("v"),
      bits: 8192,
    } as const;
    const whole = KDFa(provider, input);
    expect(whole.length).toBe(1024);
    fc.assert(
      fc.property(fc.array(fc.nat(60), { maxLength: 16 }), (sizes) => {
        const stream = createKdfaStream(provider, input);
        const parts = sizes.map((size) => stream.generate(size));
        const joined = concatBytes(...parts);
        expect(joined).toEqual(whole.slice(0, joined.length));
      }),
    );
    const stream = createKdfaStream(provider, input);
    stream.generate(1000);
    expect(() => stream.generate(25)).toThrow(RangeError);
    expect(stream.generate(24)).toEqual(whole.slice(1000));
    expect(KDFa(provider, input, 2).slice(0, 1004)).toEqual(whole.slice(20));
  });

  test("KDFe is the hash of counter, secret, label and parties, with excess bits cleared", () => {
    fc.assert(
      fc.property(anyHash, bytesUpTo(66), bytesUpTo(66), bytesUpTo(66), fc.nat(1200), (hashAlg, Z, U, V, bits) => {
        const blocks = [1, 2, 3, 4, 5, 6, 7, 8].map((counter) =>
          createHash(hashAlg.toLowerCase())
            .update(concatBytes(word(counter), Z, text("SECRET\0"), U, V))
            .digest(),
        );
        const expected = concatBytes(...blocks).slice(0, Math.ceil(bits / 8));
        if (bits % 8 !== 0) expected[0] = (expected[0] ?? 0) % 2 ** (bits % 8);
        const derived = KDFe(provider, { hashAlg, Z, label: "SECRET", partyUInfo: U, partyVInfo: V, bits });
        expect(derived).toEqual(expected);
      }),
      { numRuns: 50 },
    );
  });

  test("MGF1 is the hash of seed and counter", () => {
    const blocks = [0, 1, 2].map((counter) =>
      createHash("sha1")
        .update(concatBytes(text("seed"), word(counter)))
        .digest(),
    );
    expect(mgf1(provider, "SHA1", text("seed"), 50)).toEqual(concatBytes(...blocks).slice(0, 50));
    expect(mgf1(provider, "SHA1", text("foo"), 3)).toEqual(Uint8Array.of(0x1a, 0xc9, 0x07));
    expect(toHex(mgf1(provider, "SHA256", text("bar"), 50))).toBe(
      "382576a7841021cc28fc4c0948753fb8312090cea942ea4c4e735d10dc724b155f9f6069f289d61daca0cb814502ef04eae1",
    );
    expect(mgf1(provider, "SHA512", EMPTY, 0)).toEqual(EMPTY);
  });
});
