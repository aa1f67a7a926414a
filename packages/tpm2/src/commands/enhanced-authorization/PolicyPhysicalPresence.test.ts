import { describe, expect, test } from "vitest";
import { TPM_CC } from "../../spec/command-codes.ts";
import { digestOf, extended, noPolicy } from "../../testing/policy-digests.ts";
import { givenProtected, readProtected } from "../../testing/protected-index.ts";
import { startPolicy } from "../../testing/start-session.ts";
import { TestTpm } from "../../testing/test-tpm.ts";
import { PolicyPhysicalPresence } from "./PolicyPhysicalPresence.ts";

describe("TPM2_PolicyPhysicalPresence", () => {
  test.each([
    ["asserted", true, "TPM_RC_SUCCESS"],
    ["not asserted", false, "TPM_RC_PP (session 1)"],
  ])("the policy is used while presence is %s", (_name, presence, text) => {
    const tpm = TestTpm.started();
    const policy = extended(noPolicy(), TPM_CC.PolicyPhysicalPresence);
    const nvIndex = givenProtected(tpm, policy);
    const session = startPolicy(tpm);
    expect(tpm.run(PolicyPhysicalPresence, { policySession: session.handle }).rc).toBe(0);
    expect(digestOf(tpm, session)).toEqual(policy);
    tpm.platform.presence = presence;
    expect(readProtected(tpm, nvIndex, session)).toBe(text);
  });
});
