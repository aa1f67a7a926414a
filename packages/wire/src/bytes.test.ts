import { expect, test } from "vitest";
import { concatBytes, EMPTY, equalBytes, fromHex, toHex } from "./bytes.ts";

test("joins bytes", () => {
  expect(toHex(concatBytes(fromHex("01"), EMPTY, fromHex("0203")))).toBe("010203");
  expect(concatBytes()).toEqual(EMPTY);
});

test("compares contents, not identity", () => {
  expect(equalBytes(fromHex("0102"), fromHex("0102"))).toBe(true);
  expect(equalBytes(fromHex("0102"), fromHex("0103"))).toBe(false);
  expect(equalBytes(fromHex("0102"), fromHex("010200"))).toBe(false);
});

test("reads hex with white space and refuses anything else", () => {
  expect(toHex(fromHex(" DE ad\nbe\tEF "))).toBe("deadbeef");
  expect(() => fromHex("123")).toThrow(RangeError);
  expect(() => fromHex("0x12")).toThrow(RangeError);
});
