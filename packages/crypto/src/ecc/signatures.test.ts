import { createPrivateKey, createPublicKey, sign, verify } from "node:crypto";
import { fromHex } from "@vtpm/wire";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type Bytes,
  bigIntToBytes,
  bytesToBigInt,
  type CryptoProvider,
  CURVES,
  type CurveName,
  commitEcdaa,
  commitScalar,
  createPortableProvider,
  type EccSignature,
  type HashName,
  type Point,
  type RandomSource,
  signEcdaa,
  signEcdsa,
  signEcschnorr,
  signSm2,
  verifyEcdsa,
  verifyEcschnorr,
  verifySm2,
} from "../index.ts";
import { bytesUpTo } from "../testing/arbitraries.ts";
import { countingRandom, randomForScalar } from "../testing/fixed-random.ts";
import { providers } from "../testing/providers.ts";
import { published } from "../testing/vectors.ts";

const reference = createPortableProvider();
const number = (hex: string) => bytesToBigInt(fromHex(hex));

interface Scheme {
  readonly scheme: string;
  sign(provider: CryptoProvider, curve: CurveName, d: bigint, digest: Bytes, random: RandomSource): EccSignature;
  verify(provider: CryptoProvider, curve: CurveName, key: Point, digest: Bytes, signature: EccSignature): boolean;
}

const schemes: readonly Scheme[] = [
  { scheme: "ECDSA", sign: signEcdsa, verify: verifyEcdsa },
  { scheme: "SM2", sign: signSm2, verify: verifySm2 },
  {
    scheme: "ECSchnorr",
    sign: (provider, curve, d, digest, random) => signEcschnorr(provider, curve, d, "SHA256", digest, random),
    verify: (provider, curve, key, digest, signature) =>
      verifyEcschnorr(provider, curve, key, "SHA256", digest, signature),
  },
];

describe.each(providers)("signatures on the $name provider", (provider) => {
  test.each(published.ecdsa)("ECDSA on $curve: $from", ({ curve, hashAlg, text, d, k, r, s }) => {
    const digest = provider.hash(hashAlg, new TextEncoder().encode(text));
    const signature = signEcdsa(provider, curve, number(d), digest, randomForScalar(curve, number(k)));
    expect(signature).toEqual({ r: number(r), s: number(s) });
    const key = provider.multiplyBase(curve, number(d)) as Point;
    expect(verifyEcdsa(provider, curve, key, digest, signature)).toBe(true);
  });

  test.each(published.sm2)("SM2: $from", ({ d, e, k, r, s }) => {
    const random = randomForScalar("SM2_P256", number(k));
    const signature = signSm2(provider, "SM2_P256", number(d), fromHex(e), random);
    expect(signature).toEqual({ r: number(r), s: number(s) });
    const key = provider.multiplyBase("SM2_P256", number(d)) as Point;
    expect(verifySm2(provider, "SM2_P256", key, fromHex(e), signature)).toBe(true);
  });

  test.each(schemes)("$scheme: verifies what was signed and nothing else", (scheme) => {
    for (const { name: curve, n, p } of Object.values(CURVES)) {
      const d = n / 3n;
      const key = provider.multiplyBase(curve, d) as Point;
      const digest = provider.hash("SHA256", Uint8Array.of(1));
      const signature = scheme.sign(provider, curve, d, digest, countingRandom());
      const { r, s } = signature;
      const accepts = (changed: Partial<EccSignature>, by = key, of = digest) =>
        scheme.verify(provider, curve, by, of, { ...signature, ...changed });
      expect(accepts({})).toBe(true);
      expect(signature).toEqual(scheme.sign(reference, curve, d, digest, countingRandom()));
      expect(accepts({ s: s ^ 1n })).toBe(false);
      expect(accepts({ r: r ^ 1n })).toBe(false);
      expect(accepts({}, { x: key.x, y: p - key.y })).toBe(false);
      expect(accepts({}, key, provider.hash("SHA256", Uint8Array.of(2)))).toBe(false);
      for (const outside of [0n, n, n + 1n, -1n]) {
        expect(accepts({ r: outside })).toBe(false);
        expect(accepts({ s: outside })).toBe(false);
      }
    }
  });

  test("any numbers for a signature get an answer", () => {
    const { n, G } = CURVES.NIST_P256;
    const any = fc.bigInt({ min: 0n, max: n });
    fc.assert(
      fc.property(fc.constantFrom(...schemes), any, any, bytesUpTo(70), (scheme, r, s, digest) => {
        expect(scheme.verify(provider, "NIST_P256", G, digest, { r, s })).toBe(false);
      }),
      { numRuns: 30 },
    );
  });

  test("an ECDSA digest of zero verifies: the sum has no generator in it", () => {
    const { n } = CURVES.NIST_P256;
    const key = provider.multiplyBase("NIST_P256", n - 5n) as Point;
    const digest = new Uint8Array(32);
    const signature = signEcdsa(provider, "NIST_P256", n - 5n, digest, countingRandom());
    expect(verifyEcdsa(provider, "NIST_P256", key, digest, signature)).toBe(true);
  });

  test("an ECDSA sum at infinity is refused", () => {
    const { n } = CURVES.NIST_P256;
    // With r = -e / d both terms cancel, whatever s is.
    const digest = bigIntToBytes(n - 14n, 32);
    const key = provider.multiplyBase("NIST_P256", 7n) as Point;
    expect(verifyEcdsa(provider, "NIST_P256", key, digest, { r: 2n, s: 9n })).toBe(false);
  });

  test("refuses to sign by SM2 with the one key that cannot", () => {
    const { n } = CURVES.SM2_P256;
    expect(() => signSm2(provider, "SM2_P256", n - 1n, Uint8Array.of(1), countingRandom())).toThrow(RangeError);
  });

  test.each([
    ["NIST_P256", "SHA1", "P-256"],
    ["NIST_P256", "SHA512", "P-256"],
    ["NIST_P384", "SHA256", "P-384"],
    ["NIST_P521", "SHA512", "P-521"],
  ] as const)("ECDSA on %s with %s works both ways with OpenSSL", (curve, hashAlg, crv) => {
    const { fieldSize, n } = CURVES[curve];
    const d = n / 7n;
    const key = provider.multiplyBase(curve, d) as Point;
    const coordinates = { x: key.x, y: key.y, d };
    const jwk = {
      kty: "EC",
      crv,
      ...Object.fromEntries(
        Object.entries(coordinates).map(([name, value]) => [
          name,
          Buffer.from(bigIntToBytes(value, fieldSize)).toString("base64url"),
        ]),
      ),
    };
    const message = Uint8Array.of(1, 2, 3);
    const digest = provider.hash(hashAlg, message);
    const opensslHash = hashAlg.toLowerCase();
    const ours = signEcdsa(provider, curve, d, digest, countingRandom());
    const encoded = Buffer.concat([bigIntToBytes(ours.r, fieldSize), bigIntToBytes(ours.s, fieldSize)]);
    const publicKey = createPublicKey({ key: jwk, format: "jwk" });
    expect(verify(opensslHash, message, { key: publicKey, dsaEncoding: "ieee-p1363" }, encoded)).toBe(true);
    const privateKey = createPrivateKey({ key: jwk, format: "jwk" });
    const theirs = sign(opensslHash, message, { key: privateKey, dsaEncoding: "ieee-p1363" });
    const signature = {
      r: bytesToBigInt(theirs.subarray(0, fieldSize)),
      s: bytesToBigInt(theirs.subarray(fieldSize)),
    };
    expect(verifyEcdsa(provider, curve, key, digest, signature)).toBe(true);
  });
});

describe.each(providers)("ECDAA on the $name provider", (provider) => {
  const hashAlg: HashName = "SHA256";

  test.each(["BN_P256", "BN_P638", "NIST_P256"] as const)(
    "%s: a commitment and its signature satisfy the verifier",
    (curve) => {
      const { n, G } = CURVES[curve];
      const d = n / 5n;
      const r = commitScalar(provider, curve, new Uint8Array(32), Uint8Array.of(0, 11, 1, 2), 7n);
      expect(r > 0n && r < n).toBe(true);
      expect(r).toBe(commitScalar(reference, curve, new Uint8Array(32), Uint8Array.of(0, 11, 1, 2), 7n));
      const B = provider.multiplyBase(curve, 99n) as Point;
      const M = provider.multiplyBase(curve, 77n) as Point;
      expect(commitEcdaa(provider, curve, { d, r })).toEqual({ E: provider.multiplyBase(curve, r) });
      const commitment = commitEcdaa(provider, curve, { d, r, B, M });
      expect(commitment.E).toEqual(provider.multiplyBase(curve, 77n * r));
      expect(commitEcdaa(provider, curve, { d, r, B }).E).toBeUndefined();
      const digest = provider.hash(hashAlg, Uint8Array.of(5));
      const signature = signEcdaa(provider, curve, d, r, hashAlg, digest, countingRandom());
      expect(signature.r > 0n && signature.r < n).toBe(true);
      // [s]B - [T]K = L, which is what a verifier recomputes.
      const size = Math.ceil(signature.r.toString(16).length / 2);
      const T = bytesToBigInt(provider.hash(hashAlg, bigIntToBytes(signature.r, size), digest)) % n;
      expect((signature.s - T * d) % n === r || (signature.s - T * d) % n === r - n).toBe(true);
      expect(commitment.L).toEqual(provider.multiply(curve, B, r));
      expect(commitment.K).toEqual(provider.multiply(curve, B, d));
      expect(provider.multiplyBase(curve, 1n)).toEqual(G);
    },
  );

  test("commitments differ by counter, key and nonce", () => {
    const name = Uint8Array.of(1);
    const all = [
      commitScalar(provider, "BN_P256", Uint8Array.of(1), name, 1n),
      commitScalar(provider, "BN_P256", Uint8Array.of(1), name, 2n),
      commitScalar(provider, "BN_P256", Uint8Array.of(2), name, 1n),
      commitScalar(provider, "BN_P256", Uint8Array.of(1), Uint8Array.of(2), 1n),
    ];
    expect(new Set(all).size).toBe(4);
  });
});
