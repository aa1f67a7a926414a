import { expect, test } from "vitest";
import { type Codec, decode, encode, fromHex, Refusal, toHex, UINT16_LE, UINT32_LE, UINT64_LE } from "./index.ts";

test.each<[string, Codec<unknown>, unknown, string]>([
  ["16 bits", UINT16_LE, 0x0102, "0201"],
  ["32 bits", UINT32_LE, 0x8000_0001, "01000080"],
  ["64 bits", UINT64_LE, 0x737774706d6c696en, "6e696c6d70747773"],
])("%s with the least significant byte first", (_, codec, value, hex) => {
  expect(toHex(encode(codec, value))).toBe(hex);
  expect(decode(codec, fromHex(hex))).toBe(value);
  expect(() => decode(codec, fromHex(hex.slice(2)))).toThrow(Refusal);
  expect(() => encode(codec, typeof value === "bigint" ? 2n ** 64n : 2 ** 32)).toThrow(RangeError);
});
