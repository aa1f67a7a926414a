import { describe, expect, test } from "vitest";
import { fromHex, toHex } from "../bytes.ts";
import { describe as describeBytes } from "../describe.ts";
import { Refusal } from "../refusal.ts";
import { ANY, type Rules } from "../rules.ts";
import { type Codec, decode, encode } from "../schema.ts";
import { leavesOf } from "./leaves.ts";

/** Known values with their bytes, and bytes with the reason why they are refused. */
export interface Rows<T> {
  readonly rules?: Rules;
  readonly valid?: readonly (readonly [title: string, value: T, hex: string])[];
  readonly invalid?: readonly (readonly [title: string, hex: string, reason: string])[];
}

/** The reason for which bytes are refused, or `undefined` if they are a value. */
function reasonOf(codec: Codec<unknown>, bytes: Uint8Array, rules: Rules): string | undefined {
  try {
    decode(codec, bytes, rules);
    return undefined;
  } catch (error) {
    if (error instanceof Refusal) return error.reason;
    throw error;
  }
}

/**
 * Tests a schema against a table: valid rows decode and encode, their parts cover every byte and no truncation passes;
 * invalid rows are refused for the given reason.
 */
export function conforms<T>(codec: Codec<T>, { rules = ANY, valid = [], invalid = [] }: Rows<T>): void {
  describe(codec.name, () => {
    test.each(valid)("takes %s", (_title, value, hex) => {
      const bytes = fromHex(hex);
      expect(decode(codec, bytes, rules)).toEqual(value);
      expect(toHex(encode(codec, value))).toBe(toHex(bytes));
      for (let size = 0; size < bytes.length; size++) {
        expect(reasonOf(codec, bytes.slice(0, size), rules), `cut to ${size} bytes`).toBe("INSUFFICIENT");
      }
      const leaves = leavesOf(describeBytes(codec, bytes, rules));
      expect(leaves.map((leaf) => toHex(leaf.raw)).join("")).toBe(toHex(bytes));
    });
    test.each(invalid)("refuses %s", (_title, hex, reason) => {
      expect(reasonOf(codec, fromHex(hex), rules)).toBe(reason);
    });
  });
}
