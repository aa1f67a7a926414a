import { expect, test } from "vitest";
import { fromHex, toHex } from "./bytes.ts";
import { Reader } from "./reader.ts";

test("reads big-endian values, also from a window of a larger buffer", () => {
  const reader = new Reader(fromHex("ffff 01 0203 04050607 08090a0b0c0d0e0f ffff").subarray(2, 17));
  expect(reader.uint8()).toBe(0x01);
  expect(reader.uint16()).toBe(0x0203);
  expect(reader.uint32()).toBe(0x04050607);
  expect(reader.uint64()).toBe(0x08090a0b0c0d0e0fn);
  expect(reader.remaining).toBe(0);
});

test("never aliases its input", () => {
  const input = fromHex("0102");
  const bytes = new Reader(input).bytes(2);
  input.fill(0);
  expect(toHex(bytes)).toBe("0102");
});

test("says where bytes were missing and takes none of them", () => {
  const reader = new Reader(fromHex("0102 03"));
  reader.uint16();
  expect(() => reader.uint32()).toThrow(expect.objectContaining({ reason: "INSUFFICIENT", offset: 2 }));
  expect(reader.uint8()).toBe(3);
});
