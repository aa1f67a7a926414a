import { expect, test } from "vitest";
import { toHex } from "./bytes.ts";
import { Writer } from "./writer.ts";

test("grows at any boundary without losing what is written", () => {
  for (let capacity = 0; capacity <= 16; capacity++) {
    const writer = new Writer(capacity);
    writer.uint8(0x01);
    writer.uint16(0x0203);
    writer.uint32(0x04050607);
    writer.uint64(0x08090a0b0c0d0e0fn);
    writer.bytes(Uint8Array.of(0x10, 0x11));
    expect(toHex(writer.finish()), `capacity ${capacity}`).toBe("0102030405060708090a0b0c0d0e0f1011");
  }
});

test("refuses values that do not fit", () => {
  const writer = new Writer();
  expect(() => writer.uint8(256)).toThrow(RangeError);
  expect(() => writer.uint16(-1)).toThrow(RangeError);
  expect(() => writer.uint32(0x100000000)).toThrow(RangeError);
  expect(() => writer.uint32(0.5)).toThrow(RangeError);
  expect(() => writer.uint64(-1n)).toThrow(RangeError);
  expect(() => writer.uint64(0x10000000000000000n)).toThrow(RangeError);
  expect(() => writer.patchUint16(0, 0x10000)).toThrow(RangeError);
  expect(writer.size).toBe(0);
});

test("hands out a copy", () => {
  const writer = new Writer();
  writer.uint8(1);
  const first = writer.finish();
  writer.patchUint16(0, 0xffff);
  expect(toHex(first)).toBe("01");
});
