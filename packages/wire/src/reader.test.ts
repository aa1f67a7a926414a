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

test.each([
  ["bytes", fromHex("ff0102").subarray(1)],
  // Whose own slice copies nothing.
  ["a Buffer", Buffer.from("ff0102", "hex").subarray(1)],
])("never aliases its input: %s", (_, input) => {
  const reader = new Reader(input);
  const bytes = reader.bytes(2);
  const again = reader.since(0);
  input.fill(0);
  for (const copy of [bytes, again]) {
    expect(toHex(copy)).toBe("0102");
    expect(Object.getPrototypeOf(copy)).toBe(Uint8Array.prototype);
  }
});

test("says where bytes were missing and takes none of them", () => {
  const reader = new Reader(fromHex("0102 03"));
  reader.uint16();
  expect(() => reader.uint32()).toThrow(expect.objectContaining({ reason: "INSUFFICIENT", offset: 2 }));
  expect(reader.uint8()).toBe(3);
});
