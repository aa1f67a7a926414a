import { constants, createPrivateKey, createPublicKey, privateDecrypt, publicEncrypt, sign, verify } from "node:crypto";
import { fromHex } from "@vtpm/wire";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  bigIntToBytes,
  bytesToBigInt,
  createPortableProvider,
  decodeOaep,
  decodeRsaes,
  encodeOaep,
  encodePss,
  encodeRsaes,
  encodeRsassa,
  type HashName,
  isPssEncoding,
  pssSaltSize,
  signRsapss,
  signRsassa,
  verifyRsapss,
  verifyRsassa,
} from "../index.ts";
import { bytesOf, bytesUpTo } from "../testing/arbitraries.ts";
import { countingRandom } from "../testing/fixed-random.ts";
import { providers } from "../testing/providers.ts";
import { loadVectors } from "../testing/vectors.ts";
import { privateKeyParts } from "./private-key-parts.ts";

const reference = createPortableProvider();
const hashAlgs: readonly HashName[] = ["SHA1", "SHA256", "SHA384", "SHA512"];

interface Primaries {
  readonly vectors: readonly { readonly name: string; readonly firstPrime: string; readonly secondPrime: string }[];
}

/** Keys whose primes are known from the derivation vectors. */
function loadKey(name: string) {
  const vector = loadVectors<Primaries>("primaries-level1").vectors.find((candidate) => candidate.name === name);
  if (vector === undefined) throw new Error(`no vector ${name}`);
  const prime = fromHex(vector.secondPrime);
  const n = bytesToBigInt(prime) * bytesToBigInt(fromHex(vector.firstPrime));
  const key = { modulus: bigIntToBytes(n, 2 * prime.length), exponent: 65537, prime };
  const parts = privateKeyParts(key);
  const base64 = (value: bigint) => Buffer.from(bigIntToBytes(value, key.modulus.length)).toString("base64url");
  const jwk = {
    kty: "RSA",
    n: base64(parts.n),
    e: "AQAB",
    d: base64(parts.d),
    p: base64(parts.p),
    q: base64(parts.q),
    dp: base64(parts.dp),
    dq: base64(parts.dq),
    qi: base64(parts.qInv),
  };
  return {
    key,
    privateKey: createPrivateKey({ key: jwk, format: "jwk" }),
    publicKey: createPublicKey({ key: jwk, format: "jwk" }),
  };
}

const small = loadKey("srk_rsa1024");
const large = loadKey("srk_rsa2048");

describe.each(providers)("RSA on the $name provider", (provider) => {
  test("private and public operation undo each other and agree with the other provider", () => {
    fc.assert(
      fc.property(fc.constantFrom(small.key, large.key), bytesUpTo(128), (key, bytes) => {
        const block = bytes.slice(0, key.modulus.length - 1);
        const encrypted = provider.rsaPublic(key.modulus, key.exponent, block);
        expect(encrypted).toEqual(reference.rsaPublic(key.modulus, key.exponent, block));
        expect(encrypted.length).toBe(key.modulus.length);
        const decrypted = provider.rsaPrivate(key, encrypted);
        expect(bytesToBigInt(decrypted)).toBe(bytesToBigInt(block));
        expect(decrypted).toEqual(reference.rsaPrivate(key, encrypted));
      }),
      { numRuns: 10 },
    );
  });

  test("takes either prime, and any order of keys", () => {
    const { modulus, exponent, prime } = small.key;
    const other = bigIntToBytes(bytesToBigInt(modulus) / bytesToBigInt(prime), prime.length);
    const expected = provider.rsaPrivate(small.key, Uint8Array.of(2));
    expect(provider.rsaPrivate({ modulus, exponent, prime: other }, Uint8Array.of(2))).toEqual(expected);
    expect(provider.rsaPrivate(small.key, Uint8Array.of(2))).toEqual(expected);
  });

  test("a known modulus does not help without the prime", () => {
    const { modulus, exponent } = small.key;
    provider.rsaPrivate(small.key, Uint8Array.of(2));
    for (const prime of [Uint8Array.of(3), Uint8Array.of(1), modulus, new Uint8Array(64)]) {
      expect(() => provider.rsaPrivate({ modulus, exponent, prime }, Uint8Array.of(2))).toThrow(RangeError);
    }
  });

  test("public operations take whatever a guest calls a key", () => {
    for (const size of [1, 8, 32, 128, 256]) {
      for (const last of [0xf2, 0xf3]) {
        for (const exponent of [0, 1, 2, 3, 65537, 0xffff_ffff]) {
          const modulus = new Uint8Array(size).fill(0xc7);
          modulus[size - 1] = last;
          const block = Uint8Array.of(5);
          const expected = slowPower(5n, BigInt(exponent), bytesToBigInt(modulus));
          expect(bytesToBigInt(provider.rsaPublic(modulus, exponent, block))).toBe(expected);
          expect(
            verifyRsassa(provider, { modulus, exponent }, "SHA256", new Uint8Array(32), new Uint8Array(size)),
          ).toBe(false);
        }
      }
    }
  });

  test("private operations refuse factors that are no primes, however often they are asked", () => {
    const odd = bytesToBigInt(new Uint8Array(64).fill(0xd5));
    for (const [p, q] of [
      [odd, odd + 2n],
      [odd + 1n, odd],
      [odd, odd],
      [bytesToBigInt(small.key.prime), odd],
    ] as const) {
      const key = { modulus: bigIntToBytes(p * q, 128), exponent: 65537, prime: bigIntToBytes(p, 64) };
      for (let i = 0; i < 3; i++) expect(() => provider.rsaPrivate(key, Uint8Array.of(2))).toThrow(RangeError);
    }
  });

  test("refuses blocks that are not below the modulus", () => {
    const { modulus, exponent } = small.key;
    const beyond = bigIntToBytes(bytesToBigInt(modulus) + 1n, modulus.length);
    for (const block of [modulus, beyond, new Uint8Array(modulus.length + 1)]) {
      expect(() => provider.rsaPublic(modulus, exponent, block)).toThrow(RangeError);
      expect(() => provider.rsaPrivate(small.key, block)).toThrow(RangeError);
    }
  });

  test.each(hashAlgs)("RSASSA with %s is what OpenSSL signs", (hashAlg) => {
    const message = Uint8Array.of(1, 2, 3);
    const digest = provider.hash(hashAlg, message);
    const signature = signRsassa(provider, large.key, hashAlg, digest);
    expect(signature).toEqual(new Uint8Array(sign(hashAlg.toLowerCase(), message, large.privateKey)));
    const verifies = (changed: Uint8Array, of = digest, by: HashName = hashAlg) =>
      verifyRsassa(provider, large.key, by, of, changed);
    expect(verifies(signature)).toBe(true);
    expect(verifies(flipped(signature, 100, 1))).toBe(false);
    expect(verifies(signature.slice(1))).toBe(false);
    expect(verifies(large.key.modulus)).toBe(false);
    expect(verifies(signature, digest.slice(1))).toBe(false);
    expect(verifies(signature, flipped(digest, 0, 1))).toBe(false);
    expect(verifies(signature, digest, hashAlg === "SHA1" ? "SHA256" : "SHA1")).toBe(false);
  });

  test.each(hashAlgs)("RSAPSS with %s works both ways with OpenSSL", (hashAlg) => {
    const message = Uint8Array.of(4, 5, 6);
    const digest = provider.hash(hashAlg, message);
    const options = { padding: constants.RSA_PKCS1_PSS_PADDING };
    const signature = signRsapss(provider, large.key, hashAlg, digest, countingRandom());
    const saltLength = pssSaltSize(hashAlg, 256);
    const opensslHash = hashAlg.toLowerCase();
    expect(verify(opensslHash, message, { key: large.publicKey, ...options, saltLength }, signature)).toBe(true);
    for (const salt of [0, 20, saltLength, constants.RSA_PSS_SALTLEN_MAX_SIGN]) {
      const theirs = new Uint8Array(
        sign(opensslHash, message, { key: large.privateKey, ...options, saltLength: salt }),
      );
      expect(verifyRsapss(provider, large.key, hashAlg, digest, theirs)).toBe(true);
      expect(verifyRsapss(provider, large.key, hashAlg, digest.slice(1), theirs)).toBe(false);
      expect(verifyRsapss(provider, large.key, hashAlg, digest, flipped(theirs, 3, 4))).toBe(false);
    }
    expect(verifyRsapss(provider, large.key, hashAlg, digest, signature.slice(1))).toBe(false);
  });

  test("PSS shortens the salt where the key is small, and knows when nothing fits", () => {
    expect(pssSaltSize("SHA512", 128)).toBe(62);
    expect(pssSaltSize("SHA256", 128)).toBe(32);
    expect(pssSaltSize("SHA512", 66)).toBe(0);
    const digest = provider.hash("SHA512", Uint8Array.of(1));
    const signature = signRsapss(provider, small.key, "SHA512", digest, countingRandom());
    expect(verifyRsapss(provider, small.key, "SHA512", digest, signature)).toBe(true);
    expect(isPssEncoding(provider, "SHA512", digest, encodePss(provider, "SHA512", digest, 66, countingRandom()))).toBe(
      true,
    );
    expect(() => encodePss(provider, "SHA512", digest, 65, countingRandom())).toThrow(RangeError);
    expect(() => encodeRsassa("SHA512", digest, 64 + 19 + 10)).toThrow(RangeError);
    expect(encodeRsassa("SHA512", digest, 64 + 19 + 11).length).toBe(94);
    expect(() => encodeRsassa("SHA256", digest, 256)).toThrow(RangeError);
  });

  test.each(hashAlgs)("OAEP with %s works both ways with OpenSSL", (hashAlg) => {
    const label = Uint8Array.from("IDENTITY\0", (letter) => letter.charCodeAt(0));
    const message = Uint8Array.of(7, 8, 9);
    const options = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: hashAlg.toLowerCase(), oaepLabel: label };
    const { modulus, exponent } = large.key;
    const encoded = encodeOaep(provider, hashAlg, label, message, 256, countingRandom());
    const ours = provider.rsaPublic(modulus, exponent, encoded);
    expect(new Uint8Array(privateDecrypt({ key: large.privateKey, ...options }, ours))).toEqual(message);
    const theirs = new Uint8Array(publicEncrypt({ key: large.publicKey, ...options }, message));
    const decrypted = provider.rsaPrivate(large.key, theirs);
    expect(decodeOaep(provider, hashAlg, label, decrypted)).toEqual(message);
    expect(decodeOaep(provider, hashAlg, label.slice(1), decrypted)).toBeUndefined();
    expect(decodeOaep(provider, hashAlg, label, flipped(decrypted, 0, 1))).toBeUndefined();
    expect(decodeOaep(provider, hashAlg, label, flipped(decrypted, 200, 1))).toBeUndefined();
  });

  test("RSAES decodes what OpenSSL encrypted, and OpenSSL's block is like ours", () => {
    const message = Uint8Array.of(0, 7, 0, 8);
    const theirs = publicEncrypt({ key: large.publicKey, padding: constants.RSA_PKCS1_PADDING }, message);
    expect(decodeRsaes(provider.rsaPrivate(large.key, new Uint8Array(theirs)))).toEqual(message);
  });

  test("OAEP takes messages of every size that fits", () => {
    fc.assert(
      fc.property(fc.constantFrom(...hashAlgs), bytesUpTo(62), bytesUpTo(20), (hashAlg, message, label) => {
        const encoded = encodeOaep(provider, hashAlg, label, message, 192, countingRandom());
        expect(decodeOaep(provider, hashAlg, label, encoded)).toEqual(message);
      }),
    );
    const empty = encodeOaep(provider, "SHA1", new Uint8Array(0), new Uint8Array(0), 42, countingRandom());
    expect(decodeOaep(provider, "SHA1", new Uint8Array(0), empty)).toEqual(new Uint8Array(0));
    expect(() => encodeOaep(provider, "SHA1", empty, new Uint8Array(1), 42, countingRandom())).toThrow(RangeError);
    expect(() => encodeOaep(provider, "SHA512", empty, new Uint8Array(0), 128, countingRandom())).toThrow(RangeError);
  });

  test("any bytes in place of an encoding get an answer", () => {
    fc.assert(
      fc.property(fc.constantFrom(...hashAlgs), bytesUpTo(160), (hashAlg, bytes) => {
        const zeroFirst = bytes.length > 0 ? flipped(bytes, 0, bytes[0]) : bytes;
        expect(decodeOaep(provider, hashAlg, bytes, zeroFirst)).toBeUndefined();
        expect(isPssEncoding(provider, hashAlg, bytes, zeroFirst)).toBe(false);
        decodeRsaes(bytes);
      }),
    );
  });
});

describe("RSAES padding", () => {
  test("has no zero in it and comes off again", () => {
    fc.assert(
      fc.property(bytesUpTo(117), fc.nat(255), (message, start) => {
        const encoded = encodeRsaes(message, 128, countingRandom(start));
        expect(encoded.slice(2, 127 - message.length)).not.toContain(0);
        expect(decodeRsaes(encoded)).toEqual(message);
      }),
    );
    expect(() => encodeRsaes(new Uint8Array(118), 128, countingRandom())).toThrow(RangeError);
  });

  test.each([
    ["too short a block", "0002010203040506070800".slice(0, 20)],
    ["another first byte", "01020102030405060708000a"],
    ["another type", "00010102030405060708000a"],
    ["seven bytes of padding", "000201020304050607000a0b"],
    ["no end of padding", "00020102030405060708090a"],
  ])("is refused with %s", (_, hex) => {
    expect(decodeRsaes(fromHex(hex))).toBeUndefined();
  });

  test("may leave an empty message", () => {
    expect(decodeRsaes(fromHex("0002010203040506070800"))).toEqual(new Uint8Array(0));
  });
});

describe.each(providers)("modPow and isPrime of the $name provider", (provider) => {
  test("agree with BigInt arithmetic", () => {
    fc.assert(
      fc.property(bytesOf(64), bytesOf(64), bytesOf(64), (a, b, c) => {
        const modulus = bytesToBigInt(c) | 1n;
        const exponent = bytesToBigInt(b) % modulus;
        if (modulus < 3n) return;
        expect(provider.modPow(bytesToBigInt(a), exponent, modulus)).toBe(
          slowPower(bytesToBigInt(a), exponent, modulus),
        );
      }),
      { numRuns: 30 },
    );
    expect(provider.modPow(0n, 0n, 3n)).toBe(1n);
    expect(provider.modPow(5n, 3n, 7n)).toBe(6n);
    const large = (1n << 4000n) + 1n;
    expect(provider.modPow(3n, 65537n, large)).toBe(slowPower(3n, 65537n, large));
  });

  test("tell primes from what only looks like them", () => {
    for (const prime of [2n, 3n, 41n, 43n, 65537n, 4294967291n, (1n << 61n) - 1n, (1n << 521n) - 1n]) {
      expect(provider.isPrime(prime)).toBe(true);
    }
    // Carmichael numbers, a strong pseudoprime to the bases 2 to 37 (Sorenson and Webster), a square and a product of primes.
    const p = (1n << 127n) - 1n;
    for (const composite of [-7n, 0n, 1n, 4n, 561n, 41041n, 318665857834031151167461n, p * p, p * 65537n]) {
      expect(provider.isPrime(composite)).toBe(false);
    }
  });
});

/** A copy with some bits of one byte changed. */
function flipped(bytes: Uint8Array, index: number, bits = 1): Uint8Array {
  const copy = bytes.slice();
  copy[index] = (copy[index] ?? 0) ^ bits;
  return copy;
}

function slowPower(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n;
  for (let rest = exponent, power = base % modulus; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = (result * power) % modulus;
    power = (power * power) % modulus;
  }
  return result;
}
