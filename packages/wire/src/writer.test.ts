import { expect, test } from "vitest";
import { toHex } from "./bytes.ts";
import { Writer } from "./writer.ts";

test("grows at any boundary without losing what is written", () => {
  // Where it grows: beyond what it begins with, and beyond what it keeps for the next.
  for (const boundary of [64, 8192, 32768]) {
    for (let before = boundary - 16; before <= boundary; before++) {
      const writer = new Writer();
      const front = new Uint8Array(before).fill(0xee);
      writer.bytes(front);
      writer.uint8(0x01);
      writer.uint16(0x0203);
      writer.uint32(0x04050607);
      writer.uint64(0xf8090a0b0c0d0e0fn);
      writer.bytes(Uint8Array.of(0x10, 0x11));
      const text = toHex(writer.finish());
      expect(text, `${before} bytes before`).toBe(`${toHex(front)}01020304050607f8090a0b0c0d0e0f1011`);
    }
  }
});

test("writers at work at the same time do not share memory", () => {
  const writers = [0x11, 0x22, 0x33].map((byte) => ({ byte, writer: new Writer() }));
  for (let i = 0; i < 100; i++) for (const { byte, writer } of writers) writer.uint8(byte);
  for (const { byte, writer } of writers) expect(writer.finish()).toEqual(new Uint8Array(100).fill(byte));
  // What they leave behind is used again, by one at a time.
  const [first, second] = [new Writer(), new Writer()];
  for (let i = 0; i < 100; i++) {
    first.uint8(1);
    second.uint8(2);
  }
  expect(first.finish()).toEqual(new Uint8Array(100).fill(1));
  expect(second.finish()).toEqual(new Uint8Array(100).fill(2));
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
