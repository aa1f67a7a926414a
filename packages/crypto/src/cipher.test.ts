import { concatBytes, EMPTY, fromHex, toHex } from "@vtpm/wire";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type CipherMode, type CipherName, cipherBlockSize, cmac, cmacFinish, cmacStart, cmacUpdate } from "./index.ts";
import { createPortableProvider } from "./portable/provider.ts";
import { bytesOf, bytesUpTo } from "./testing/arbitraries.ts";
import { providers } from "./testing/providers.ts";
import { published } from "./testing/vectors.ts";

const reference = createPortableProvider();
const modes: readonly CipherMode[] = ["CTR", "OFB", "CBC", "CFB", "ECB"];
const keySizes = { AES: [16, 24, 32], CAMELLIA: [16, 24, 32], TDES: [16, 24] } as const;

interface Case {
  readonly cipher: CipherName;
  readonly mode: CipherMode;
  readonly key: Uint8Array;
  readonly iv: Uint8Array;
}

const anyCase: fc.Arbitrary<Case> = fc
  .tuple(fc.constantFrom<CipherName>("AES", "CAMELLIA", "TDES"), fc.constantFrom(...modes), fc.nat(2))
  .chain(([cipher, mode, index]) => {
    const keySize = keySizes[cipher][index] ?? 24;
    const ivSize = mode === "ECB" ? 0 : cipherBlockSize(cipher);
    return fc.record({
      cipher: fc.constant(cipher),
      mode: fc.constant(mode),
      key: bytesOf(keySize),
      iv: bytesOf(ivSize),
    });
  });

function wholeBlocks(cipher: CipherName, data: Uint8Array): Uint8Array {
  return data.slice(0, data.length - (data.length % cipherBlockSize(cipher)));
}

describe.each(providers)("ciphers of the $name provider", (provider) => {
  test.each(published.cipher)("$cipher-$mode: $from", ({ cipher, mode, key, iv, plain, encrypted }) => {
    expect(toHex(provider.encrypt(cipher, mode, fromHex(key), fromHex(iv), fromHex(plain)).data)).toBe(encrypted);
    expect(toHex(provider.decrypt(cipher, mode, fromHex(key), fromHex(iv), fromHex(encrypted)).data)).toBe(plain);
  });

  test("decrypt what they encrypted, agree with the other provider, and leave the input alone", () => {
    fc.assert(
      fc.property(anyCase, bytesUpTo(100), ({ cipher, mode, key, iv }, bytes) => {
        const data = mode === "CBC" || mode === "ECB" ? wholeBlocks(cipher, bytes) : bytes;
        const [dataBefore, ivBefore] = [data.slice(), iv.slice()];
        const encrypted = provider.encrypt(cipher, mode, key, iv, data);
        const decrypted = provider.decrypt(cipher, mode, key, iv, encrypted.data);
        expect(decrypted.data).toEqual(data);
        expect(encrypted).toEqual(reference.encrypt(cipher, mode, key, iv, data));
        expect(decrypted).toEqual(reference.decrypt(cipher, mode, key, iv, encrypted.data));
        // Both ends of a connection go on from the same iv.
        if (mode !== "ECB") expect(decrypted.iv).toEqual(encrypted.iv);
        expect([data, iv]).toEqual([dataBefore, ivBefore]);
        expect(encrypted.data.constructor).toBe(Uint8Array);
      }),
      { numRuns: 300 },
    );
  });

  test("do in two calls what they do in one, if the first ends with a block", () => {
    fc.assert(
      fc.property(
        anyCase,
        bytesUpTo(80),
        bytesUpTo(80),
        fc.constantFrom("encrypt" as const, "decrypt" as const),
        ({ cipher, mode, key, iv }, head, tail, direction) => {
          const first = wholeBlocks(cipher, head);
          const second = mode === "CBC" || mode === "ECB" ? wholeBlocks(cipher, tail) : tail;
          const one = provider[direction](cipher, mode, key, iv, concatBytes(first, second));
          const begun = provider[direction](cipher, mode, key, iv, first);
          const ended = provider[direction](cipher, mode, key, begun.iv, second);
          expect({ data: concatBytes(begun.data, ended.data), iv: ended.iv }).toEqual(one);
        },
      ),
      { numRuns: 200 },
    );
  });

  test("step the counter over its end", () => {
    const iv = new Uint8Array(16).fill(0xff);
    const result = provider.encrypt("AES", "CTR", new Uint8Array(16), iv, new Uint8Array(17));
    expect(toHex(result.iv)).toBe("00000000000000000000000000000001");
    expect(result.data.subarray(16)).toEqual(
      provider.encrypt("AES", "ECB", new Uint8Array(16), EMPTY, new Uint8Array(16)).data.subarray(0, 1),
    );
  });

  test("leave the unused key stream in the iv when CFB data ends inside a block", () => {
    const [key, iv] = [new Uint8Array(16).fill(1), new Uint8Array(16).fill(2)];
    const stream = provider.encrypt("AES", "ECB", key, EMPTY, iv).data;
    const encrypted = provider.encrypt("AES", "CFB", key, iv, Uint8Array.of(9, 9, 9));
    expect(encrypted.iv).toEqual(concatBytes(encrypted.data, stream.subarray(3)));
    expect(provider.decrypt("AES", "CFB", key, iv, encrypted.data).iv).toEqual(encrypted.iv);
  });

  test.each([
    ["a key of no such size", "AES", "CFB", 15, 16, 16],
    ["a TDES key of one key", "TDES", "CFB", 8, 8, 8],
    ["an iv too short", "AES", "CFB", 16, 15, 16],
    ["an iv of another cipher", "TDES", "CBC", 24, 16, 16],
    ["half a block in CBC", "AES", "CBC", 16, 16, 8],
    ["half a block in ECB", "CAMELLIA", "ECB", 16, 0, 17],
  ] as const)("refuse %s", (_, cipher, mode, keySize, ivSize, dataSize) => {
    const args = [cipher, mode, new Uint8Array(keySize), new Uint8Array(ivSize), new Uint8Array(dataSize)] as const;
    expect(() => provider.encrypt(...args)).toThrow(RangeError);
    expect(() => provider.decrypt(...args)).toThrow(RangeError);
  });
});

describe.each(providers)("CMAC on the $name provider", (provider) => {
  test.each(published.cmac)("$from", ({ cipher, key, data, mac }) => {
    expect(toHex(cmac(provider, cipher, fromHex(key), fromHex(data)))).toBe(mac);
  });

  test("is the same for any split of the data", () => {
    fc.assert(
      fc.property(
        fc.constantFrom<CipherName>("AES", "CAMELLIA", "TDES"),
        bytesOf(16),
        fc.array(bytesUpTo(50), { maxLength: 5 }),
        (cipher, key, parts) => {
          let state = cmacStart(cipher, key);
          for (const part of parts) state = cmacUpdate(provider, state, part);
          expect(cmacFinish(provider, state)).toEqual(cmac(reference, cipher, key, ...parts));
        },
      ),
    );
  });

  test("refuses a key of no such size", () => {
    expect(() => cmacStart("AES", new Uint8Array(17))).toThrow(RangeError);
  });
});
