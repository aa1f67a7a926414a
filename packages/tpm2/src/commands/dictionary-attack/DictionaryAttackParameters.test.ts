import { describe, expect, test } from "vitest";
import { TPM_RH } from "../../spec/handles.ts";
import { givenIndex } from "../../testing/given.ts";
import { TestTpm } from "../../testing/test-tpm.ts";
import { HierarchyChangeAuth } from "../hierarchy/HierarchyChangeAuth.ts";
import { NV_Read } from "../non-volatile-storage/NV_Read.ts";
import { DictionaryAttackLockReset } from "./DictionaryAttackLockReset.ts";
import { DictionaryAttackParameters } from "./DictionaryAttackParameters.ts";

const lockHandle = TPM_RH.LOCKOUT;
const FAIL = "TPM_RC_AUTH_FAIL (session 1)";
const failed = ({ tpm }: TestTpm): number => tpm.state.nv.persistent.failedTries;

/** A TPM with an Index that is protected, and how one tries its authValue. */
function guarded(newMaxTries = 2, newRecoveryTime = 10, lockoutRecovery = 20) {
  const tpm = TestTpm.started();
  const input = { lockHandle, newMaxTries, newRecoveryTime, lockoutRecovery };
  expect(tpm.run(DictionaryAttackParameters, input).text).toBe("TPM_RC_SUCCESS");
  const nvIndex = givenIndex(tpm, { authValue: Uint8Array.of(0x31) });
  const attempt = (password: string): string =>
    tpm.run(NV_Read, { authHandle: nvIndex, nvIndex, size: 1, offset: 0 }, [password]).text;
  return { tpm, attempt };
}

describe("protection from dictionary attack", () => {
  test("closes at the limit and opens with TPM2_DictionaryAttackLockReset", () => {
    const { tpm, attempt } = guarded();
    expect([attempt("0"), attempt("0"), attempt("1")]).toEqual([FAIL, FAIL, "TPM_RC_LOCKOUT"]);
    expect(tpm.run(DictionaryAttackLockReset, { lockHandle }).text).toBe("TPM_RC_SUCCESS");
    expect(failed(tpm)).toBe(0);
    expect(attempt("1")).toBe("TPM_RC_SUCCESS");
  });

  test("forgives one failure per recovery time", () => {
    const { tpm, attempt } = guarded();
    attempt("0");
    attempt("0");
    tpm.platform.clock += 9_999;
    expect(attempt("1")).toBe("TPM_RC_LOCKOUT");
    tpm.platform.clock += 1;
    expect(attempt("1")).toBe("TPM_RC_SUCCESS");
    expect(failed(tpm)).toBe(1);
    tpm.platform.clock += 10_000;
    attempt("1");
    expect(failed(tpm)).toBe(0);
  });

  test("is off with a recovery time of zero, and always closed without any tries", () => {
    const off = guarded(1, 0);
    expect([off.attempt("0"), off.attempt("0"), off.attempt("1")]).toEqual([FAIL, FAIL, "TPM_RC_SUCCESS"]);
    expect(guarded(0).attempt("1")).toBe("TPM_RC_LOCKOUT");
  });

  test("closes lockout after one failure, until its recovery time has passed", () => {
    const { tpm } = guarded();
    tpm.run(HierarchyChangeAuth, { authHandle: lockHandle, newAuth: Uint8Array.of(0x31) });
    const reset = (password: string): string => tpm.run(DictionaryAttackLockReset, { lockHandle }, [password]).text;
    expect(reset("0")).toBe(FAIL);
    expect(reset("1")).toBe("TPM_RC_LOCKOUT");
    tpm.platform.clock += 20_000;
    expect(reset("1")).toBe("TPM_RC_SUCCESS");
  });

  test("without a recovery time closes lockout until the next start", () => {
    const { tpm } = guarded(2, 10, 0);
    tpm.run(HierarchyChangeAuth, { authHandle: lockHandle, newAuth: Uint8Array.of(0x31) });
    const reset = (password: string): string => tpm.run(DictionaryAttackLockReset, { lockHandle }, [password]).text;
    expect(reset("0")).toBe(FAIL);
    tpm.platform.clock += 2 ** 40;
    expect(reset("1")).toBe("TPM_RC_LOCKOUT");
    tpm.powerOn();
    expect(reset("1")).toBe("TPM_RC_SUCCESS");
  });

  test("keeps what it has counted although the command fails", () => {
    const { tpm, attempt } = guarded();
    attempt("0");
    expect(failed(tpm)).toBe(1);
    tpm.powerOn();
    // The power cut after a protected authorization counts as another failure.
    expect(failed(tpm)).toBe(2);
  });
});
