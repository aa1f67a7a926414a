import { toHex } from "@vtpm/wire";
import { expect, test } from "vitest";
import { hostStruct } from "./host-struct.ts";

const gapless = hostStruct({ a: "u32", b: "i32", c: "u64" });
const gap = hostStruct({ a: "u8", b: "u32" });
const padded = hostStruct({ a: "u64", b: "u16" });
const odd = hostStruct({ a: "u16", b: "u8" });

test.each([
  ["fields without gaps", gapless, gapless.encode({ a: 1, b: -2, c: 3n }), "01000000feffffff0300000000000000"],
  ["a gap before a larger field", gap, gap.encode({ a: 0xff, b: 2 }), "ff00000002000000"],
  ["padding at the end", padded, padded.encode({ a: 1n, b: 0x1234 }), "01000000000000003412000000000000"],
  ["padding of a single byte", odd, odd.encode({ a: 1, b: 2 }), "01000200"],
])("is laid out as in C: %s", (_, struct, bytes, hex) => {
  expect(toHex(bytes)).toBe(hex);
  expect(struct.size).toBe(bytes.length);
});

test("is read from where it is", () => {
  expect(gapless.decode(new Uint8Array([9, 9, 9, ...gapless.encode({ a: 1, b: -2, c: 3n })]), 3)).toEqual({
    a: 1,
    b: -2,
    c: 3n,
  });
});

test("fields left out and the room behind are zero", () => {
  expect(toHex(gap.encode({ b: 1 }, 2))).toBe("00000000010000000000");
});

test("what is not there is not read", () => {
  expect(() => gap.decode(new Uint8Array(7))).toThrow(RangeError);
  expect(() => gap.decode(new Uint8Array(16).subarray(0, 9), 2)).toThrow(RangeError);
});
