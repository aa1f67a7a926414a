import { describe, expect, test } from "vitest";
import { TPM_CC } from "../../spec/command-codes.ts";
import { text } from "../../testing/caller-crypto.ts";
import { digestOf, extended, noPolicy } from "../../testing/policy-digests.ts";
import { givenProtected, readProtected } from "../../testing/protected-index.ts";
import { startPolicy } from "../../testing/start-session.ts";
import { TestTpm } from "../../testing/test-tpm.ts";
import { PolicyAuthValue } from "./PolicyAuthValue.ts";
import { PolicyPassword } from "./PolicyPassword.ts";

/** The policy is that of TPM2_PolicyAuthValue. */
const policy = extended(noPolicy(), TPM_CC.PolicyAuthValue);

describe("TPM2_PolicyPassword", () => {
  test.each([
    ["the right password", "secret", "TPM_RC_SUCCESS"],
    ["the right password with zeros behind it", "secret\0\0", "TPM_RC_SUCCESS"],
    ["a wrong password", "guess", "TPM_RC_BAD_AUTH (session 1)"],
    ["no password", "", "TPM_RC_BAD_AUTH (session 1)"],
  ])("%s in place of the HMAC", (_name, password, outcome) => {
    const tpm = TestTpm.started();
    const nvIndex = givenProtected(tpm, policy, text("secret"));
    const session = startPolicy(tpm);
    expect(tpm.run(PolicyPassword, { policySession: session.handle }).rc).toBe(0);
    expect(digestOf(tpm, session)).toEqual(policy);
    session.password = text(password);
    expect(readProtected(tpm, nvIndex, session)).toBe(outcome);
  });

  test("takes back a PolicyAuthValue", () => {
    const tpm = TestTpm.started();
    const nvIndex = givenProtected(tpm, extended(policy, TPM_CC.PolicyAuthValue), text("secret"));
    const session = startPolicy(tpm);
    tpm.run(PolicyAuthValue, { policySession: session.handle });
    tpm.run(PolicyPassword, { policySession: session.handle });
    session.password = text("secret");
    expect(readProtected(tpm, nvIndex, session)).toBe("TPM_RC_SUCCESS");
  });
});
