import { fromHex } from "@vtpm/wire";
import { describe, expect, test } from "vitest";
import { TPM_EO } from "../spec/constants.ts";
import { isConditionMet } from "./policy-condition.ts";

type Operation = keyof typeof TPM_EO;

const ORDERED = [
  "EQ",
  "NEQ",
  "SIGNED_GT",
  "UNSIGNED_GT",
  "SIGNED_LT",
  "UNSIGNED_LT",
  "SIGNED_GE",
  "UNSIGNED_GE",
  "SIGNED_LE",
  "UNSIGNED_LE",
] as const;

describe("isConditionMet", () => {
  test.each<[a: string, b: string, met: readonly Operation[]]>([
    ["05", "05", ["EQ", "SIGNED_GE", "UNSIGNED_GE", "SIGNED_LE", "UNSIGNED_LE"]],
    ["06", "05", ["NEQ", "SIGNED_GT", "UNSIGNED_GT", "SIGNED_GE", "UNSIGNED_GE"]],
    ["05", "06", ["NEQ", "SIGNED_LT", "UNSIGNED_LT", "SIGNED_LE", "UNSIGNED_LE"]],
    ["80", "7f", ["NEQ", "UNSIGNED_GT", "UNSIGNED_GE", "SIGNED_LT", "SIGNED_LE"]],
    ["7f", "80", ["NEQ", "UNSIGNED_LT", "UNSIGNED_LE", "SIGNED_GT", "SIGNED_GE"]],
    ["ff", "fe", ["NEQ", "SIGNED_GT", "UNSIGNED_GT", "SIGNED_GE", "UNSIGNED_GE"]],
    ["0100", "00ff", ["NEQ", "SIGNED_GT", "UNSIGNED_GT", "SIGNED_GE", "UNSIGNED_GE"]],
    ["00000000000000ff", "0000000000000100", ["NEQ", "SIGNED_LT", "UNSIGNED_LT", "SIGNED_LE", "UNSIGNED_LE"]],
    ["", "", ["EQ", "SIGNED_GE", "UNSIGNED_GE", "SIGNED_LE", "UNSIGNED_LE"]],
  ])("of '%s' and '%s' these are true: %j", (a, b, met) => {
    const found = ORDERED.filter((operation) => isConditionMet(TPM_EO[operation], fromHex(a), fromHex(b)));
    expect(new Set(found)).toEqual(new Set(met));
  });

  test.each([
    ["f0", "30", true, false],
    ["f0", "0f", false, true],
    ["f0", "18", false, false],
    ["f0", "00", true, true],
    ["00ff", "00ff", true, false],
    ["ff00", "00ff", false, true],
    ["ffff", "0001", true, false],
    ["", "", true, true],
  ])("bits of %s under the mask %s: all set %s, all clear %s", (a, b, allSet, allClear) => {
    expect(isConditionMet(TPM_EO.BITSET, fromHex(a), fromHex(b))).toBe(allSet);
    expect(isConditionMet(TPM_EO.BITCLEAR, fromHex(a), fromHex(b))).toBe(allClear);
  });
});
