import { describe, expect, test } from "vitest";
import { TPM_CC } from "../../spec/command-codes.ts";
import { text } from "../../testing/caller-crypto.ts";
import { digestOf, extended, noPolicy } from "../../testing/policy-digests.ts";
import { givenProtected, readProtected } from "../../testing/protected-index.ts";
import { startPolicy } from "../../testing/start-session.ts";
import { TestTpm } from "../../testing/test-tpm.ts";
import { PolicyAuthValue } from "./PolicyAuthValue.ts";
import { PolicyPassword } from "./PolicyPassword.ts";

const policy = extended(noPolicy(), TPM_CC.PolicyAuthValue);

describe("TPM2_PolicyAuthValue", () => {
  test("makes the authValue a part of the HMAC key", () => {
    const tpm = TestTpm.started();
    const nvIndex = givenProtected(tpm, policy, text("secret"));
    const session = startPolicy(tpm).knowing(text("secret"));
    session.leavesOutAuthValue = false;
    expect(tpm.run(PolicyAuthValue, { policySession: session.handle }).rc).toBe(0);
    expect(digestOf(tpm, session)).toEqual(policy);
    expect(readProtected(tpm, nvIndex, session)).toBe("TPM_RC_SUCCESS");
  });

  test("a wrong authValue fails", () => {
    const tpm = TestTpm.started();
    const nvIndex = givenProtected(tpm, policy, text("secret"));
    const session = startPolicy(tpm).knowing(text("guess"));
    session.leavesOutAuthValue = false;
    tpm.run(PolicyAuthValue, { policySession: session.handle });
    expect(readProtected(tpm, nvIndex, session)).toBe("TPM_RC_BAD_AUTH (session 1)");
  });

  test("takes back a PolicyPassword", () => {
    const tpm = TestTpm.started();
    const twice = extended(policy, TPM_CC.PolicyAuthValue);
    const nvIndex = givenProtected(tpm, twice, text("secret"));
    const session = startPolicy(tpm).knowing(text("secret"));
    session.leavesOutAuthValue = false;
    tpm.run(PolicyPassword, { policySession: session.handle });
    tpm.run(PolicyAuthValue, { policySession: session.handle });
    expect(readProtected(tpm, nvIndex, session)).toBe("TPM_RC_SUCCESS");
  });
});
