import { readFileSync } from "node:fs";
import { concatBytes, fromHex, toHex } from "@vtpm/wire";
import { describe, expect, test } from "vitest";
import { deriveSeed } from "./drbg.ts";
import {
  bigIntToBytes,
  bytesToBigInt,
  CURVES,
  type CurveName,
  createPortableProvider,
  Drbg,
  digestSize,
  generateEccKey,
  generateRsaKey,
  generateSymmetricKey,
  type HashName,
  type SeedLevel,
} from "./index.ts";
import { findRsaPrime } from "./keys/rsa-prime.ts";
import { sieve } from "./keys/rsa-prime-sieve.ts";
import { createNodeProvider } from "./node/index.ts";

const provider = createNodeProvider();
const portable = createPortableProvider();

interface Step {
  readonly step: "instantiate" | "generate" | "field" | "prime";
  readonly input?: string;
  readonly df?: string;
  readonly key?: string;
  readonly v?: string;
  readonly bytes?: number;
  readonly out?: string;
  readonly candidate?: string;
  readonly base?: string;
  readonly ones?: number;
  readonly firstSetFlags?: readonly number[];
  readonly prime?: string;
  readonly keyAfter?: string;
  readonly vAfter?: string;
}

interface DerivationSteps {
  readonly df: readonly { readonly input: string; readonly output: string }[];
  readonly runs: readonly {
    readonly vector: string;
    readonly hierarchy: string;
    readonly seedCompatLevel: SeedLevel;
    readonly steps: readonly Step[];
  }[];
  readonly generator: {
    readonly seedInput: string;
    readonly requests: readonly { readonly bytes: number; readonly out: string }[];
  };
}

interface Primary {
  readonly name: string;
  readonly hierarchy: "ENDORSEMENT" | "OWNER" | "PLATFORM";
  readonly template: string;
  readonly sensitiveData: string;
  readonly outPublic: string;
  readonly seedValue: string;
  readonly firstPrime?: string;
  readonly secondPrime?: string;
  readonly d?: string;
  readonly sensitive?: string;
}

interface Primaries {
  readonly EPSeed: string;
  readonly SPSeed: string;
  readonly PPSeed: string;
  readonly shProof: string;
  readonly ehProof: string;
  readonly seedCompatLevel: SeedLevel;
  readonly vectors: readonly Primary[];
}

const steps = load<DerivationSteps>("derivation-steps");
const levels = [load<Primaries>("primaries-level0"), load<Primaries>("primaries-level1")];

function load<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`../vectors/${name}.json`, import.meta.url), "utf8")) as T;
}

describe.each([provider, portable])("the generator on the $name provider", (crypto) => {
  test("derives seeds from inputs of any size", () => {
    for (const { input, output } of steps.df) expect(toHex(deriveSeed(crypto, fromHex(input)))).toBe(output);
  });

  test("answers a sequence of requests", () => {
    const drbg = Drbg.instantiateSeeded(crypto, fromHex(steps.generator.seedInput));
    for (const { bytes, out } of steps.generator.requests) expect(toHex(drbg.generate(bytes))).toBe(out);
  });

  test("goes on from an exported state as if nothing had happened", () => {
    const drbg = Drbg.instantiateSeeded(crypto, fromHex("00"), fromHex("01"));
    drbg.generate(5);
    const copy = Drbg.fromState(portable, drbg.exportState());
    expect(copy.generate(100)).toEqual(drbg.generate(100));
    drbg.additional(Uint8Array.of(1));
    expect(copy.generate(8)).not.toEqual(drbg.generate(8));
    drbg.reseed(Uint8Array.of(1), Uint8Array.of(2));
    expect(drbg.exportState().reseedCounter).toBe(1n);
  });

  test("refuses a state of other sizes", () => {
    const state = { key: new Uint8Array(31), v: new Uint8Array(16), reseedCounter: 1n };
    expect(() => Drbg.fromState(crypto, state)).toThrow(RangeError);
  });
});

describe.each(steps.runs)(
  "derivation of $vector at level $seedCompatLevel, step by step",
  ({ hierarchy, seedCompatLevel, steps }) => {
    test("passes through the states libtpms passes through", () => {
      const instantiate = steps[0] as Step;
      const drbg = Drbg.instantiateSeeded(provider, fromHex(instantiate.input ?? ""));
      expectState(drbg, instantiate.key, instantiate.v);
      for (const step of steps.slice(1)) {
        if (step.step === "generate") {
          // What comes after the key itself comes after the proofs in the endorsement hierarchy.
          if (hierarchy === "ENDORSEMENT" && step === steps.at(-1)) mixProofs(drbg, levels[0] as Primaries);
          expect(toHex(drbg.generate(step.bytes ?? 0))).toBe(step.out);
          expectState(drbg, step.keyAfter, step.vAfter);
        } else if (step.step === "field") {
          const candidate = bytesToBigInt(fromHex(step.candidate ?? ""));
          const { base, candidates } = sieve(candidate);
          expect(base).toBe(bytesToBigInt(fromHex(step.base ?? "")));
          expect(candidates.length).toBe(step.ones);
          expect(candidates.slice(0, step.firstSetFlags?.length)).toEqual(step.firstSetFlags);
        } else {
          const expected = fromHex(step.prime ?? "");
          const prime = findRsaPrime(provider, drbg, 8 * expected.length, 65537, seedCompatLevel);
          expect(prime).toBe(bytesToBigInt(expected));
          expectState(drbg, step.keyAfter, step.vAfter);
        }
      }
    });
  },
);

describe.each(levels)("primary keys from seeds of level $seedCompatLevel", (level) => {
  test.each(level.vectors)("$name is what libtpms made", (vector) => {
    const template = fromHex(vector.template);
    const view = new DataView(template.buffer);
    const type = view.getUint16(0);
    const nameAlg = HASHES[view.getUint16(2)] as HashName;
    const attributes = view.getUint32(4);
    const parameters = 10 + view.getUint16(8);
    const seed = { ENDORSEMENT: level.EPSeed, OWNER: level.SPSeed, PLATFORM: level.PPSeed }[vector.hierarchy];
    const sensitiveData = fromHex(vector.sensitiveData);
    const drbg = Drbg.instantiateSeeded(
      provider,
      fromHex(seed),
      LABEL,
      concatBytes(template.subarray(2, 4), provider.hash(nameAlg, template)),
      sensitiveData,
    );
    const secret = () => {
      if (vector.seedValue === "") return;
      if (vector.hierarchy === "ENDORSEMENT") {
        mixProofs(drbg, level);
      }
      expect(toHex(drbg.generate(digestSize(nameAlg)))).toBe(vector.seedValue);
    };
    // Restricted decryption keys have a symmetric algorithm with key size and mode behind it, others the null algorithm alone.
    const symmetricEnd = (at: number) => at + (view.getUint16(at) === NULL_ALG ? 2 : 6);
    const schemeEnd = (at: number) => at + (SCHEME_SIZES[view.getUint16(at)] ?? 4);

    if (type === RSA) {
      const at = schemeEnd(symmetricEnd(parameters));
      const key = generateRsaKey(provider, drbg, {
        bits: view.getUint16(at),
        exponent: view.getUint32(at + 2),
        level: level.seedCompatLevel,
        sign: (attributes & SIGN) !== 0,
      });
      expect(toHex(key.companion)).toBe(vector.firstPrime);
      expect(toHex(key.prime)).toBe(vector.secondPrime);
      expect(vector.outPublic.endsWith(toHex(key.modulus))).toBe(true);
    } else if (type === ECC) {
      const curve = CURVE_BY_ID[view.getUint16(schemeEnd(symmetricEnd(parameters)))] as CurveName;
      const { fieldSize } = CURVES[curve];
      const key = generateEccKey(provider, curve, drbg);
      expect(key.d).toBe(bytesToBigInt(fromHex(vector.d ?? "")));
      expect(vector.outPublic).toContain(toHex(bigIntToBytes(key.Q.x, fieldSize)));
      expect(vector.outPublic.endsWith(toHex(bigIntToBytes(key.Q.y, fieldSize)))).toBe(true);
    } else if ((attributes & SENSITIVE_DATA_ORIGIN) === 0) {
      expect(vector.sensitive).toBe(vector.sensitiveData);
    } else if (type === SYMCIPHER) {
      const cipher = CIPHERS[view.getUint16(parameters)] as "AES";
      expect(toHex(generateSymmetricKey(cipher, view.getUint16(parameters + 2) / 8, drbg))).toBe(vector.sensitive);
    } else {
      const scheme = view.getUint16(parameters);
      const hashAlg = scheme === NULL_ALG ? nameAlg : (HASHES[view.getUint16(parameters + 2)] as HashName);
      expect(toHex(drbg.generate(digestSize(hashAlg)))).toBe(vector.sensitive);
    }
    secret();
  });
});

const LABEL = Uint8Array.from("Primary Object Creation\0", (letter) => letter.charCodeAt(0));
const HASHES: Readonly<Record<number, HashName>> = { 4: "SHA1", 11: "SHA256", 12: "SHA384", 13: "SHA512" };
const CIPHERS: Readonly<Record<number, string>> = { 3: "TDES", 6: "AES", 38: "CAMELLIA" };
const CURVE_BY_ID: Readonly<Record<number, CurveName>> = {
  1: "NIST_P192",
  2: "NIST_P224",
  3: "NIST_P256",
  4: "NIST_P384",
  5: "NIST_P521",
  16: "BN_P256",
  17: "BN_P638",
  32: "SM2_P256",
};
/** Sizes of schemes that are not an algorithm and a hash: none, and ECDAA. */
const SCHEME_SIZES: Readonly<Record<number, number>> = { 16: 2, 26: 6 };
const RSA = 0x01;
const ECC = 0x23;
const SYMCIPHER = 0x25;
const NULL_ALG = 0x10;
const SENSITIVE_DATA_ORIGIN = 0x20;
const SIGN = 0x40000;

function mixProofs(drbg: Drbg, { shProof, ehProof }: Primaries): void {
  drbg.additional(fromHex(shProof));
  drbg.additional(fromHex(ehProof));
}

function expectState(drbg: Drbg, key: string | undefined, v: string | undefined): void {
  const state = drbg.exportState();
  expect([toHex(state.key), toHex(state.v)]).toEqual([key, v]);
}
