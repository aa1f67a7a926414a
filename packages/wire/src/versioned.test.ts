import { describe, expect, test } from "vitest";
import { fromHex, toHex } from "./bytes.ts";
import {
  block,
  type Codec,
  changed,
  checked,
  constant,
  converted,
  counted,
  decode,
  encode,
  LATER_ADDITIONS,
  optionalBlock,
  Refusal,
  settled,
  since,
  UINT8,
  UINT16,
  versioned,
} from "./index.ts";

/** Tests that bytes are a value and back. */
function same<T>(codec: Codec<T>, hex: string, value: unknown): void {
  const bytes = fromHex(hex);
  const read = decode(codec, bytes);
  expect(read).toEqual(value);
  expect(toHex(encode(codec, read))).toBe(toHex(bytes));
}

function refusalOf(codec: Codec<unknown>, hex: string): string {
  try {
    decode(codec, fromHex(hex));
  } catch (error) {
    if (error instanceof Refusal) return `${error.offset}: ${error.detail}`;
    throw error;
  }
  return "none";
}

const none = new Uint8Array(0);

describe("a block", () => {
  test("is a flag, a size, and the part", () => {
    same(block(UINT16), "01 0002 1234", 0x1234);
    same(optionalBlock(UINT16), "01 0002 1234", 0x1234);
    same(optionalBlock(UINT16), "00 0000", undefined);
    same(LATER_ADDITIONS, "01 0003 010203", Uint8Array.of(1, 2, 3));
    same(LATER_ADDITIONS, "00 0000", undefined);
  });
  test.each([
    ["that must be there and is not", block(UINT16), "00 0000", "0: block of UINT16 is missing"],
    ["larger than what follows", LATER_ADDITIONS, "01 ffff 00", "0: later additions of 65535 bytes, but only 1 follow"],
    ["smaller than its content", block(UINT16), "01 0001 1234", "3: block of UINT16 says 1 bytes, its content takes 2"],
    ["larger than its content", block(UINT8), "01 0002 1234", "3: block of UINT8 says 2 bytes, its content takes 1"],
    ["absent with a size", optionalBlock(UINT8), "00 0001 12", "0: block of UINT8? is absent, but takes 1 bytes"],
    ["with another flag", block(UINT8), "02 0001 12", "0: 2 does not say whether block of UINT8 is there"],
  ])("is refused: one %s", (_title, codec, hex, detail) => {
    expect(refusalOf(codec, hex)).toBe(detail);
  });
});

const STRUCTURE = versioned(
  "STRUCTURE",
  {
    magic: 0xcafe0001,
    newest: 4,
    beyond: 9,
    additions: { third: [3, UINT8], alsoThird: [3, UINT8], fourth: [4, UINT16] },
  },
  { first: UINT8, width: changed(UINT8, 4, UINT16), beyond: since(9, UINT8) },
);

describe("a versioned structure", () => {
  test("has what its version has, additions nested in the block that older readers skip", () => {
    same(STRUCTURE, "0001 cafe0001 11 22", { version: 1, minVersion: 0, first: 0x11, width: 0x22, later: undefined });
    same(STRUCTURE, "0002 cafe0001 0001 11 22 010000", {
      version: 2,
      minVersion: 1,
      first: 0x11,
      width: 0x22,
      later: none,
    });
    const third = { first: 0x11, width: 0x22, third: 0x33, alsoThird: 0x34 };
    same(STRUCTURE, "0003 cafe0001 0001 11 22 010005 3334 010000", {
      version: 3,
      minVersion: 1,
      ...third,
      later: none,
    });
    same(STRUCTURE, "0004 cafe0001 0004 11 0022 01000a 3334 010005 4444 010000", {
      version: 4,
      minVersion: 4,
      ...third,
      fourth: 0x4444,
      later: none,
    });
  });
  test("of a later version is read as far as it is known, and the rest kept", () => {
    same(STRUCTURE, "0005 cafe0001 0001 11 0022 01000c 3334 010007 4444 010002 5555", {
      version: 5,
      minVersion: 1,
      first: 0x11,
      width: 0x22,
      third: 0x33,
      alsoThird: 0x34,
      fourth: 0x4444,
      later: Uint8Array.of(0x55, 0x55),
    });
  });
  test("of the version beyond has what only that one has", () => {
    const read = decode(STRUCTURE, fromHex("0009 cafe0001 0009 11 0022 99 01000a 3334 010005 4444 010000"));
    expect(read).toMatchObject({ version: 9, beyond: 0x99 });
  });
  test.each([
    ["another magic", "0002 cafe0002 0001 11 22 010000", "2: magic is 0xcafe0002, expected 0xcafe0001"],
    ["no version", "0000 cafe0001 0001 11 22 010000", "0: there is no version 0"],
    ["a version for later readers", "0007 cafe0001 0005 11 22", "0: version 7 is for readers of 5, this one knows 4"],
    ["the version beyond for others", "0009 cafe0001 000a 11", "0: version 9 is for readers of 10, this one knows 9"],
    ["a version older than its readers", "0002 cafe0001 0003 11", "0: version 2 is for readers of a later version, 3"],
  ])("is refused with %s", (_title, hex, detail) => {
    expect(refusalOf(STRUCTURE, hex)).toBe(detail);
  });
});

describe("a settled structure", () => {
  const SETTLED = settled("SETTLED", { magic: 0xcafe0002, versions: [2, 3] }, { first: UINT8 });
  test("is its fields, written in the newest version", () => {
    expect(decode(SETTLED, fromHex("0002 cafe0002 0001 11 010000"))).toEqual({ first: 0x11 });
    same(SETTLED, "0003 cafe0002 0001 11 010000", { first: 0x11 });
  });
  test.each([
    ["another version", "0004 cafe0002 0001 11 010000"],
    ["something later", "0003 cafe0002 0001 11 010001 22"],
    ["no place for something later", "0003 cafe0002 0001 11 000000"],
    ["other readers", "0003 cafe0002 0002 11 010000"],
  ])("is refused with %s", (_title, hex) => {
    expect(refusalOf(SETTLED, hex)).toMatch(/expected version 2 or 3 for readers of 1$/);
  });
});

describe("refinements", () => {
  test("a constant is always the same", () => {
    same(constant("four", UINT8, 4), "04", 4);
    expect(toHex(encode(constant("four", UINT8, 4), 5))).toBe("04");
    expect(refusalOf(constant("four", UINT8, 4), "05")).toBe("0: four is 0x5, expected 0x04");
  });
  test("a checked value is refused for what the check says", () => {
    const EVEN = checked(UINT8, (value) => (value % 2 === 0 ? undefined : `${value} is odd`));
    same(EVEN, "04", 4);
    expect(refusalOf(EVEN, "05")).toBe("0: 5 is odd");
  });
  test("a converted value has the same bytes", () => {
    same(
      converted(
        UINT8,
        (value) => String(value),
        (text) => Number(text),
      ),
      "0c",
      "12",
    );
  });
  test("a counted list has the one number of elements", () => {
    same(counted("pair", UINT8, 2), "0002 0102", [1, 2]);
    expect(refusalOf(counted("pair", UINT8, 2), "ffff 0102")).toBe("0: pair of 65535 elements, expected 2");
    expect(() => encode(counted("pair", UINT8, 2), [1])).toThrow(RangeError);
  });
});
