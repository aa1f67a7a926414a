import { createNodeProvider } from "@vtpm/crypto/node";
import { concatBytes, fromHex, toHex } from "@vtpm/wire";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  decodeLinearHeader,
  encodeLinearHeader,
  LINEAR_SECTION,
  LinearError,
  type LinearSection,
  openEnvelope,
  sectionsByPlace,
} from "../index.ts";
import { readVector } from "../testing/vectors.ts";

const store = readVector("swtpm/linear.hex");
const header = store.slice(0, 192);
const dataOf = ({ offset, dataSize }: LinearSection): Uint8Array => store.slice(offset, offset + dataSize);

/** The header with hex written over it from `at` on. */
function patched(at: number, hex: string): Uint8Array {
  const bytes = header.slice();
  bytes.set(fromHex(hex), at);
  return bytes;
}

function refusal(bytes: Uint8Array, storeSize: number): LinearError {
  try {
    decodeLinearHeader(bytes, storeSize);
  } catch (error) {
    if (error instanceof LinearError) return error;
    throw error;
  }
  throw new Error("it was taken");
}

describe("the header of a linear store written by swtpm", () => {
  const sections = decodeLinearHeader(header, store.length);

  test("names the sections, and they hold envelopes", () => {
    expect([...sections]).toEqual([
      [LINEAR_SECTION.permall, { offset: 192, dataSize: 1315, size: 2048 }],
      [LINEAR_SECTION.volatilestate, { offset: 2240, dataSize: 8986, size: 16384 }],
    ]);
    for (const section of sections.values()) {
      expect(openEnvelope(dataOf(section), { crypto: createNodeProvider() }).length).toBe(section.dataSize - 16);
    }
  });

  test("is written again byte for byte", () => {
    expect(toHex(encodeLinearHeader(sections))).toBe(toHex(header));
  });

  test.each<[string, Uint8Array, number, string, RegExp]>([
    ["nothing", new Uint8Array(0), 0, "MAGIC", /0 bytes are less/],
    ["part of a header", header.slice(0, 191), 191, "MAGIC", /191 bytes are less/],
    ["another magic", patched(0, "00"), store.length, "MAGIC", /does not begin/],
    ["a later version", patched(8, "02"), store.length, "VERSION", /version 2/],
    ["another size of header", patched(10, "c100"), store.length, "VERSION", /193 bytes/],
    [
      "a section inside the header",
      patched(12, "bf000000"),
      store.length,
      "SECTIONS",
      /section 0 .* lies upon the header/,
    ],
    ["sections upon each other", patched(20, "01080000"), store.length, "SECTIONS", /section 1 .* lies upon section 0/],
    [
      "more data than section",
      patched(16, "01080000"),
      store.length,
      "SECTIONS",
      /section 0 has 2049 bytes of data in 2048/,
    ],
    ["a section past the end", header, store.length - 1, "SECTIONS", /section 1 ends at 18624, the store at 18623/],
    ["a section that wraps around", patched(24, "f0ffffff"), store.length, "SECTIONS", /section 1 ends at/],
    ["a size of four gigabytes", patched(32, "ffffffff"), store.length, "SECTIONS", /section 1 ends at/],
    ["a size without a place", patched(36, "00000000 01000000"), store.length, "SECTIONS", /section 2 has a size/],
  ])("with %s is refused", (_, bytes, size, code, message) => {
    const error = refusal(bytes, size);
    expect(error.code).toBe(code);
    expect(error.message).toMatch(message);
  });
});

describe("any header", () => {
  const anyWord = fc.oneof(fc.nat(0xffff_ffff), fc.nat(20_000));
  test("is refused, or its sections lie in the store one behind the other", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(44), anyWord), { maxLength: 6 }), fc.nat(40_000), (changes, storeSize) => {
        const bytes = concatBytes(header);
        for (const [word, value] of changes) new DataView(bytes.buffer).setUint32(12 + 4 * word, value, true);
        let sections: ReturnType<typeof decodeLinearHeader>;
        try {
          sections = decodeLinearHeader(bytes, storeSize);
        } catch (error) {
          expect(error).toBeInstanceOf(LinearError);
          return;
        }
        let end = 192;
        for (const [, { offset, dataSize, size }] of sectionsByPlace(sections)) {
          expect(offset).toBeGreaterThanOrEqual(end);
          expect(dataSize).toBeLessThanOrEqual(size);
          end = offset + size;
        }
        expect(sections.size === 0 || end <= storeSize).toBe(true);
        expect(toHex(encodeLinearHeader(sections))).toBe(toHex(bytes));
      }),
      { numRuns: 1000 },
    );
  });
});
