import { describe, expect, expectTypeOf, test } from "vitest";
import { bits } from "./bits.ts";
import { buffer, bytes } from "./buffer.ts";
import { fromHex } from "./bytes.ts";
import { choice } from "./choice.ts";
import { alias, limited, UINT8, UINT16, UINT32, UINT64 } from "./integers.ts";
import { list } from "./list.ts";
import { ANY, type Rules } from "./rules.ts";
import { decode, encode, type TypeOf } from "./schema.ts";
import { optionalSized, sized } from "./sized.ts";
import { struct, union } from "./struct.ts";
import { conforms } from "./testing/index.ts";

/** A small TPM: two of everything, odd numbers only. */
const SMALL: Rules = { limit: () => 2, allows: (_set, value) => value % 2 === 1 };

describe("integers", () => {
  conforms(UINT8, { valid: [["its largest", 0xff, "ff"]], invalid: [["a byte too many", "0102", "SIZE"]] });
  conforms(UINT16, { valid: [["its largest", 0xffff, "ffff"]] });
  conforms(UINT32, { valid: [["its largest, unsigned", 0xffffffff, "ffffffff"]] });
  conforms(UINT64, { valid: [["more than a number could hold", 0xfffffffffffffffen, "fffffffffffffffe"]] });
  conforms(limited("at most two", UINT16, "LIMIT", "RANGE"), {
    rules: SMALL,
    valid: [["the limit", 2, "0002"]],
    invalid: [["one more", "0003", "RANGE"]],
  });
  test("an alias has the name and nothing else of its own", () => {
    expect(alias("TPM_KEY_BITS", UINT16)).toMatchObject({ name: "TPM_KEY_BITS", shape: UINT16.shape });
  });
  test("only integers are limited", () => {
    expect(() => limited("x", bits("y", UINT8, { z: 0 }), 1, "VALUE")).toThrow(TypeError);
  });
});

describe("bits", () => {
  const layout = { low: 0, field: [6, 4], high: 31 } as const;
  const ATTRIBUTES = bits("ATTRIBUTES", UINT32, layout);
  conforms(ATTRIBUTES, {
    valid: [
      ["the highest bit", 0x80000000, "80000000"],
      ["every defined bit", 0x80000071, "80000071"],
    ],
    invalid: [["a reserved bit", "80000002", "RESERVED_BITS"]],
  });
  conforms(bits("KEPT", UINT8, { low: 0 }, "kept"), { valid: [["reserved bits, where they are kept", 0xff, "ff"]] });

  test("fields are read and replaced by name", () => {
    expect(ATTRIBUTES.has(0x80000000, "high")).toBe(true);
    expect(ATTRIBUTES.has(0x80000000, "low")).toBe(false);
    expect(ATTRIBUTES.get(0x00000050, "field")).toBe(5);
    expect(ATTRIBUTES.of({ high: true, field: 7 })).toBe(0x80000070);
    expect(ATTRIBUTES.with(0x80000071, { low: false, field: 2 })).toBe(0x80000020);
    expect(ATTRIBUTES.defined).toBe(0x80000071);
    expect(ATTRIBUTES.text(0x80000031)).toBe("low | field=3 | high");
    expect(ATTRIBUTES.text(0)).toBe("none");
  });
});

describe("buffers", () => {
  conforms(buffer("TPM2B", { max: "LIMIT" }), {
    rules: SMALL,
    valid: [
      ["nothing", fromHex(""), "0000"],
      ["as much as the profile allows", fromHex("aabb"), "0002 aabb"],
    ],
    invalid: [
      ["more, even if it is not there", "0003", "SIZE"],
      ["bytes behind it", "0000 00", "SIZE"],
    ],
  });
  conforms(buffer("SELECT", { base: UINT8, min: 2, max: 3, reason: "VALUE" }), {
    valid: [["the least", fromHex("aabb"), "02 aabb"]],
    invalid: [
      ["less", "01 aa", "VALUE"],
      ["more", "04 aabbccdd", "VALUE"],
    ],
  });
  conforms(bytes("DIGEST", 3), { valid: [["its size", fromHex("aabbcc"), "aabbcc"]] });
  test("bytes of another size are a bug", () => {
    expect(() => encode(bytes("DIGEST", 3), fromHex("aabb"))).toThrow(RangeError);
  });
});

describe("choices", () => {
  const COLOUR = choice("COLOUR", UINT8, { values: [1, 2], names: { RED: 1, BLUE: 2 }, reason: "HASH" });
  conforms(COLOUR, { valid: [["a listed value", 1, "01"]], invalid: [["another", "03", "HASH"]] });
  conforms(COLOUR.plus(7), {
    valid: [
      ["the null value", 7, "07"],
      ["what it took before", 2, "02"],
    ],
    invalid: [["another", "03", "HASH"]],
  });
  conforms(choice("COLOUR of the profile", UINT8, { values: [1, 2], set: "COLOURS", reason: "VALUE" }), {
    rules: SMALL,
    valid: [["a value the profile has", 1, "01"]],
    invalid: [["one that it lacks", "02", "VALUE"]],
  });
  conforms(
    choice<number>("HANDLE", UINT8, {
      ranges: [
        [0x10, "LIMIT"],
        [0x80, 0x8f],
      ],
      reason: "VALUE",
    }),
    {
      rules: SMALL,
      valid: [
        ["the first of a counted range", 0x10, "10"],
        ["the last of a counted range", 0x11, "11"],
        ["the last of a range", 0x8f, "8f"],
      ],
      invalid: [
        ["what the limit leaves out", "12", "VALUE"],
        ["what lies behind a range", "90", "VALUE"],
      ],
    },
  );
  conforms(choice("narrower", COLOUR, { values: [1], reason: "TAG" }), {
    valid: [["what both take", 1, "01"]],
    invalid: [
      ["what the base refuses, for its reason", "03", "HASH"],
      ["what only the base takes", "02", "TAG"],
    ],
  });
  test("values are known by name and type", () => {
    expect(COLOUR.text(2)).toBe("BLUE");
    expect(COLOUR.includes(3)).toBe(false);
    expectTypeOf<TypeOf<typeof COLOUR>>().toEqualTypeOf<1 | 2>();
  });
});

describe("lists", () => {
  conforms(list("TPML", UINT8, { min: 1, max: "LIMIT" }), {
    rules: SMALL,
    valid: [["as many as the profile allows", [1, 2], "00000002 01 02"]],
    invalid: [
      ["more", "00000003 01 02 03", "SIZE"],
      ["a count beyond any memory", "ffffffff", "SIZE"],
      ["fewer", "00000000", "SIZE"],
    ],
  });
});

describe("structures", () => {
  const KEY = union(
    "KEY",
    { type: choice("TYPE", UINT8, { values: [1, 2, 3], reason: "TYPE" }), size: UINT8 },
    "type",
    {
      1: { small: UINT8 },
      2: { large: UINT16 },
      3: {},
    },
  );
  conforms(struct("PAIR", { a: UINT8, b: UINT16 }), { valid: [["its fields in order", { a: 1, b: 2 }, "01 0002"]] });
  conforms(struct("EMPTY", {}), { valid: [["nothing", {}, ""]] });
  conforms(KEY, {
    valid: [
      ["a variant", { type: 1, size: 9, small: 0xaa }, "01 09 aa"],
      ["another", { type: 2, size: 9, large: 0xaabb }, "02 09 aabb"],
      ["an empty one", { type: 3, size: 9 }, "03 09"],
    ],
    invalid: [["an unknown selector", "04 09", "TYPE"]],
  });
  test("the selector narrows the type", () => {
    const key = decode(KEY, fromHex("02 09 aabb"));
    if (key.type === 2) expectTypeOf(key.large).toEqualTypeOf<number>();
    expectTypeOf<Extract<TypeOf<typeof KEY>, { type: 3 }>>().toEqualTypeOf<{
      readonly size: number;
      readonly type: 3;
    }>();
  });
  test("a selector without variant is a bug of the schema, not a refusal", () => {
    const HOLE = union("HOLE", { type: UINT8 }, "type", { 1: {} });
    expect(() => decode(HOLE, fromHex("02"))).toThrow(RangeError);
  });
});

describe("sized structures", () => {
  const INNER = struct("INNER", { a: UINT8, b: choice("B", UINT8, { values: [0], reason: "VALUE" }) });
  conforms(sized("TPM2B_INNER", INNER), {
    valid: [["the structure", { a: 1, b: 0 }, "0002 01 00"]],
    invalid: [
      ["no structure", "0000", "SIZE"],
      ["a size that is too small", "0001 01 00", "SIZE"],
      ["a size that is too large", "0003 01 00 00", "SIZE"],
      ["of two mistakes the inner one", "0003 01 01", "VALUE"],
    ],
  });
  conforms(optionalSized("TPM2B_INNER?", INNER), {
    valid: [
      ["no structure", undefined, "0000"],
      ["the structure", { a: 1, b: 0 }, "0002 01 00"],
    ],
    invalid: [["a size that is too small", "0001 01 00", "SIZE"]],
  });
});

test("under ANY nothing is limited and everything is allowed", () => {
  expect(ANY.limit("WHATEVER")).toBeGreaterThan(0xffff);
  expect(ANY.allows("WHATEVER", 1)).toBe(true);
});
