import { describe, expect, expectTypeOf, test } from "vitest";
import { type FormatOneRc, nameOfRc, rcOfReason, TPM_RC } from "./response-codes.ts";
import { describeRc, rcAt, splitRc, TpmError } from "./tpm-error.ts";

test("codes have the values of the library", () => {
  expect(TPM_RC).toMatchObject({
    SUCCESS: 0x000,
    BAD_TAG: 0x01e,
    INITIALIZE: 0x100,
    FAILURE: 0x101,
    COMMAND_CODE: 0x143,
    NV_DEFINED: 0x14c,
    ASYMMETRIC: 0x081,
    VALUE: 0x084,
    SIZE: 0x095,
    RESERVED_BITS: 0x0a1,
    ECC_POINT: 0x0a7,
    CONTEXT_GAP: 0x901,
    REFERENCE_H0: 0x910,
    REFERENCE_S6: 0x91e,
    LOCKOUT: 0x921,
    RETRY: 0x922,
    NV_UNAVAILABLE: 0x923,
    NOT_USED: 0x97f,
  });
});

test("no two codes are the same", () => {
  const codes = Object.values(TPM_RC);
  expect(new Set(codes).size).toBe(codes.length);
});

test("only format-one codes take a position", () => {
  expectTypeOf<typeof TPM_RC.VALUE>().toExtend<FormatOneRc>();
  expectTypeOf<typeof TPM_RC.NV_LOCKED>().not.toExtend<FormatOneRc>();
  expectTypeOf<typeof TPM_RC.RETRY>().not.toExtend<FormatOneRc>();
});

test("reasons are names of format-one codes", () => {
  expect(rcOfReason("HASH")).toBe(TPM_RC.HASH);
  expect(rcOfReason("BAD_TAG")).toBe(TPM_RC.BAD_TAG);
  expect(() => rcOfReason("RETRY")).toThrow(/RETRY/);
  expect(() => rcOfReason("NO_SUCH")).toThrow(/NO_SUCH/);
  expect(nameOfRc(0x9c3)).toBeUndefined();
});

test("a TpmError says what it is", () => {
  const error = TpmError.at("parameter", 2, TPM_RC.VALUE, { cause: "a test" });
  expect(error).toMatchObject({ name: "TpmError", rc: 0x2c4, message: "TPM_RC_VALUE (parameter 2)", cause: "a test" });
});

describe("positions", () => {
  test.each([
    [0x1c4, "parameter", 1, "TPM_RC_VALUE (parameter 1)"],
    [0xfd5, "parameter", 15, "TPM_RC_SIZE (parameter 15)"],
    [0x184, "handle", 1, "TPM_RC_VALUE (handle 1)"],
    [0x98e, "session", 1, "TPM_RC_AUTH_FAIL (session 1)"],
    [0xf84, "session", 7, "TPM_RC_VALUE (session 7)"],
    [0xaf0, "parameter", 10, "TPM_RC_CHANNEL (parameter 10)"],
  ] as const)("0x%s reads as %s %s", (rc, where, n, text) => {
    const { base } = splitRc(rc);
    expect(splitRc(rc)).toEqual({ base, where, n });
    expect(rcAt(where, n, base as FormatOneRc)).toBe(rc); // every row is a format-one code
    expect(describeRc(rc)).toBe(text);
  });

  test.each([
    [0x000, "TPM_RC_SUCCESS"],
    [0x01e, "TPM_RC_BAD_TAG"],
    [0x084, "TPM_RC_VALUE"],
    [0x101, "TPM_RC_FAILURE"],
    [0x148, "TPM_RC_NV_LOCKED"],
    [0x922, "TPM_RC_RETRY"],
    [0x500, "TPM_RC 0x500"],
    [0x80280400, "TPM_RC 0x80280400"],
  ])("0x%s has none", (rc, text) => {
    expect(splitRc(rc).where).toBeUndefined();
    expect(describeRc(rc)).toBe(text);
  });

  test("a position that no code can hold is a bug", () => {
    expect(() => rcAt("handle", 8, TPM_RC.VALUE)).toThrow(RangeError);
    expect(() => rcAt("session", 0, TPM_RC.VALUE)).toThrow(RangeError);
    expect(() => rcAt("parameter", 16, TPM_RC.VALUE)).toThrow(RangeError);
  });
});
