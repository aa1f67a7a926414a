import { expect, test } from "vitest";
import { equalBytesConstantTime, isZeroByte } from "./constant-time.ts";

test("secrets are equal when all bytes are", () => {
  const secret = Uint8Array.of(1, 2, 3);
  expect(equalBytesConstantTime(secret, Uint8Array.of(1, 2, 3))).toBe(true);
  expect(equalBytesConstantTime(secret, Uint8Array.of(1, 2, 4))).toBe(false);
  expect(equalBytesConstantTime(secret, Uint8Array.of(0, 2, 3))).toBe(false);
  expect(equalBytesConstantTime(secret, Uint8Array.of(1, 2))).toBe(false);
  expect(equalBytesConstantTime(new Uint8Array(0), new Uint8Array(0))).toBe(true);
});

test("only zero is zero", () => {
  for (let byte = 0; byte < 256; byte++) expect(isZeroByte(byte)).toBe(byte === 0 ? 1 : 0);
});
