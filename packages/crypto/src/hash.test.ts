import { concatBytes, fromHex, toHex } from "@vtpm/wire";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createPortableProvider, digestSize, type HashName, hmacFinish, hmacStart, hmacUpdate } from "./index.ts";
import { bytesUpTo } from "./testing/arbitraries.ts";
import { providers } from "./testing/providers.ts";
import { published } from "./testing/vectors.ts";

const reference = createPortableProvider();
const hashAlgs: readonly HashName[] = ["SHA1", "SHA256", "SHA384", "SHA512", "SHA3_256", "SHA3_384", "SHA3_512"];
const anyHash = fc.constantFrom(...hashAlgs);
const anyBytes = bytesUpTo(300);

describe.each(providers)("hashes of the $name provider", (provider) => {
  test.each(published.hash)("$hashAlg: $from", ({ hashAlg, text, digest }) => {
    expect(toHex(provider.hash(hashAlg, new TextEncoder().encode(text)))).toBe(digest);
  });

  test.each(published.hmac)("HMAC $hashAlg: $from", ({ hashAlg, key, data, mac }) => {
    expect(toHex(provider.hmac(hashAlg, fromHex(key), fromHex(data)))).toBe(mac);
  });

  test("take a million bytes", () => {
    const million = new Uint8Array(1_000_000).fill(0x61);
    expect(toHex(provider.hash("SHA256", million))).toBe(
      "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0",
    );
    expect(provider.hash("SHA256", million.subarray(0, 5), million.subarray(5))).toEqual(
      provider.hash("SHA256", million),
    );
    expect(provider.hmac("SHA256", million, million)).toEqual(reference.hmac("SHA256", million, million));
  });

  test("give the same for any split of the data as for the whole, and the same as the other provider", () => {
    fc.assert(
      fc.property(anyHash, fc.array(anyBytes, { maxLength: 5 }), (hashAlg, parts) => {
        const digest = provider.hash(hashAlg, ...parts);
        expect(digest.length).toBe(digestSize(hashAlg));
        expect(digest).toEqual(reference.hash(hashAlg, concatBytes(...parts)));
      }),
    );
  });

  test("HMAC gives the same in both providers, and in steps", () => {
    fc.assert(
      fc.property(anyHash, anyBytes, fc.array(anyBytes, { maxLength: 4 }), (hashAlg, key, parts) => {
        const mac = provider.hmac(hashAlg, key, ...parts);
        expect(mac).toEqual(reference.hmac(hashAlg, key, concatBytes(...parts)));
        let state = hmacStart(provider, hashAlg, key);
        for (const part of parts) state = hmacUpdate(provider, state, part);
        expect(hmacFinish(provider, state)).toEqual(mac);
      }),
    );
  });

  test("never hand out a Buffer or memory they use again", () => {
    const first = provider.hash("SHA256", Uint8Array.of(1));
    const kept = first.slice();
    provider.hash("SHA256", Uint8Array.of(2), Uint8Array.of(3));
    expect(first).toEqual(kept);
    expect(first.constructor).toBe(Uint8Array);
    expect(provider.hmac("SHA1", kept, kept).constructor).toBe(Uint8Array);
  });
});

describe.each(providers)("hash states at rest of the $name provider", (provider) => {
  test("resume to the digest of the whole, and may be resumed twice", () => {
    fc.assert(
      fc.property(anyHash, fc.array(anyBytes, { maxLength: 5 }), anyBytes, (hashAlg, parts, other) => {
        let state = provider.hashStart(hashAlg);
        for (const part of parts) state = provider.hashUpdate(state, part);
        const branch = provider.hashUpdate(structuredClone(state), other);
        expect(provider.hashFinish(state)).toEqual(provider.hash(hashAlg, ...parts));
        expect(provider.hashFinish(branch)).toEqual(provider.hash(hashAlg, ...parts, other));
        expect(state.length).toBe(BigInt(concatBytes(...parts).length));
      }),
    );
  });

  test("hold the chaining value in words of the standard", () => {
    const state = provider.hashUpdate(provider.hashStart("SHA256"), new Uint8Array(64));
    expect(toHex(provider.hashStart("SHA1").chaining)).toBe("67452301efcdab8998badcfe10325476c3d2e1f0");
    expect(toHex(state.chaining)).toBe("da5698be17b9b46962335799779fbeca8ce5d491c0d26243bafef9ea1837a9d8");
    expect(provider.hashStart("SHA384").chaining.length).toBe(64);
    expect([state.length, state.pending.length]).toEqual([64n, 0]);
  });

  test("are refused when they do not fit together", () => {
    const state = provider.hashStart("SHA256");
    for (const broken of [
      { ...state, chaining: new Uint8Array(31) },
      { ...state, pending: new Uint8Array(1) },
      { ...state, length: 65n, pending: new Uint8Array(65) },
      { ...state, length: -64n },
      { ...state, length: 1n << 60n },
    ]) {
      expect(() => provider.hashFinish(broken)).toThrow(RangeError);
    }
  });
});
