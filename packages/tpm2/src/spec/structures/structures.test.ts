import { type Codec, decode, describe as describeBytes, encode, Refusal, type Rules, toHex } from "@vtpm/wire";
import { arbitrary, hostileBytes, isInhabited, leavesOf } from "@vtpm/wire/testing";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DEFAULT_V1, deriveProfile } from "../../profile.ts";
import { TPM_ALG } from "../constants.ts";
import { rcOfReason } from "../response-codes.ts";
import { allStructures } from "./index.ts";

/** Everything of the later profiles as well: what exists only there is tested with these. */
const LATER = deriveProfile(DEFAULT_V1, {
  limits: { ...DEFAULT_V1.limits, EXTERNAL_NV_HANDLES: 0x100, PERMANENT_NV_HANDLES: 0x100 },
  algorithms: new Map([...DEFAULT_V1.algorithms, [TPM_ALG.SHA3_256, 4], [TPM_ALG.SM4, 2]]),
  keySizes: { ...DEFAULT_V1.keySizes, SM4_KEY_BITS: [128] },
});

function rulesFor(codec: Codec<unknown>): Rules {
  return isInhabited(codec, DEFAULT_V1) ? DEFAULT_V1 : LATER;
}

describe.each(allStructures)("$name", (codec) => {
  const rules = rulesFor(codec);
  const encoded = arbitrary(codec, rules).map((value) => ({ value, bytes: encode(codec, value) }));

  test("decodes what it encodes", () => {
    fc.assert(
      fc.property(encoded, ({ value, bytes }) => {
        expect(decode(codec, bytes, rules)).toEqual(value);
      }),
    );
  });

  test("refuses every truncation as INSUFFICIENT", () => {
    fc.assert(
      fc.property(encoded, fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }), ({ bytes }, at) => {
        if (bytes.length === 0) return;
        const cut = bytes.slice(0, Math.floor(at * bytes.length));
        expect(() => decode(codec, cut, rules)).toThrow(expect.objectContaining({ reason: "INSUFFICIENT" }));
      }),
    );
  });

  test("answers any bytes with a value that encodes to them or a Refusal", () => {
    fc.assert(
      fc.property(hostileBytes(codec, rules), (bytes) => {
        let value: unknown;
        try {
          value = decode(codec, bytes, rules);
        } catch (error) {
          if (!(error instanceof Refusal)) throw error;
          rcOfReason(error.reason); // throws for a reason that is not the name of a code
          return;
        }
        expect(toHex(encode(codec, value))).toBe(toHex(bytes));
      }),
    );
  });

  test("is described down to the last byte", () => {
    fc.assert(
      fc.property(encoded, ({ bytes }) => {
        const leaves = leavesOf(describeBytes(codec, bytes, rules));
        expect(leaves.map((leaf) => toHex(leaf.raw)).join("")).toBe(toHex(bytes));
      }),
      { numRuns: 20 },
    );
  });
});

test("structures have names of their own", () => {
  const names = allStructures.map((codec) => codec.name);
  expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([]);
});

test("no structure of Part 2 that the engine needs is missing", () => {
  expect(allStructures.length).toBeGreaterThan(240);
});
