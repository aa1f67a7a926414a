import { describe, expect, test } from "vitest";
import { TPM_ALG } from "../../spec/constants.ts";
import { TPM_RH } from "../../spec/handles.ts";
import { TestTpm } from "../../testing/test-tpm.ts";
import { ClearControl } from "./ClearControl.ts";
import { HierarchyChangeAuth } from "./HierarchyChangeAuth.ts";
import { SetPrimaryPolicy } from "./SetPrimaryPolicy.ts";

const HANDLES = [
  ["owner", TPM_RH.OWNER],
  ["endorsement", TPM_RH.ENDORSEMENT],
  ["lockout", TPM_RH.LOCKOUT],
  ["platform", TPM_RH.PLATFORM],
] as const;

describe.each(HANDLES)("of %s", (name, authHandle) => {
  test("TPM2_HierarchyChangeAuth sets the authValue, without trailing zeros, which is needed from then on", () => {
    const tpm = TestTpm.started();
    const change = (newAuth: string, password: string): string =>
      tpm.run(HierarchyChangeAuth, { authHandle, newAuth: Uint8Array.from(newAuth, (c) => c.charCodeAt(0)) }, [
        password,
      ]).text;
    expect(change("secret\0\0", "")).toBe("TPM_RC_SUCCESS");
    // Only lockout is protected: it is closed after one failure.
    const refusal = name === "lockout" ? "TPM_RC_AUTH_FAIL (session 1)" : "TPM_RC_BAD_AUTH (session 1)";
    if (name !== "lockout") expect(change("other", "")).toBe(refusal);
    expect(change("other", "secret")).toBe("TPM_RC_SUCCESS");
    expect(change("", "secret")).toBe(refusal);
    expect(change("", "other")).toBe(name === "lockout" ? "TPM_RC_LOCKOUT" : "TPM_RC_SUCCESS");
  });

  test("TPM2_SetPrimaryPolicy sets and removes the policy", () => {
    const tpm = TestTpm.started();
    const set = (authPolicy: Uint8Array, hashAlg: number): string =>
      tpm.run(SetPrimaryPolicy, { authHandle, authPolicy, hashAlg }).text;
    const policy = new Uint8Array(32).fill(9);
    expect(set(policy, TPM_ALG.SHA256)).toBe("TPM_RC_SUCCESS");
    const { nv, ram } = tpm.tpm.state;
    const all = { ...nv.persistent, ...ram.stateClear };
    expect([all[`${name}Policy`], all[`${name}Alg`]]).toEqual([policy, TPM_ALG.SHA256]);
    expect(set(new Uint8Array(), TPM_ALG.NULL)).toBe("TPM_RC_SUCCESS");
    expect(set(new Uint8Array(20), TPM_ALG.SHA256)).toBe("TPM_RC_SIZE (parameter 1)");
    expect(set(policy, TPM_ALG.NULL)).toBe("TPM_RC_SIZE (parameter 1)");
  });
});

test("TPM2_HierarchyChangeAuth refuses more than a digest", () => {
  const input = { authHandle: TPM_RH.OWNER, newAuth: new Uint8Array(65) };
  expect(TestTpm.started().run(HierarchyChangeAuth, input).text).toBe("TPM_RC_SIZE (parameter 1)");
});

test("TPM2_SetPrimaryPolicy refuses a timer, which there is none of", () => {
  const input = { authHandle: TPM_RH.ACT_0, authPolicy: new Uint8Array(), hashAlg: TPM_ALG.NULL };
  expect(TestTpm.started().run(SetPrimaryPolicy, input).text).toBe("TPM_RC_VALUE (handle 1)");
});

describe("TPM2_ClearControl", () => {
  test.each([
    ["the platform forbids", TPM_RH.PLATFORM, 1, "TPM_RC_SUCCESS"],
    ["the platform allows", TPM_RH.PLATFORM, 0, "TPM_RC_SUCCESS"],
    ["lockout forbids", TPM_RH.LOCKOUT, 1, "TPM_RC_SUCCESS"],
    ["lockout may not allow", TPM_RH.LOCKOUT, 0, "TPM_RC_AUTH_FAIL"],
    ["the owner has no say", TPM_RH.OWNER, 1, "TPM_RC_VALUE (handle 1)"],
  ])("%s", (_name, auth, disable, text) => {
    const tpm = TestTpm.started();
    expect(tpm.run(ClearControl, { auth, disable }).text).toBe(text);
    expect(tpm.tpm.state.nv.persistent.disableClear).toBe(text === "TPM_RC_SUCCESS" ? disable : 0);
  });
});
