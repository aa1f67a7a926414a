import { describe, expect, test } from "vitest";
import { TPM_ALG } from "../../spec/constants.ts";
import { noPolicy } from "../../testing/policy-digests.ts";
import { startPolicy, startSession, startTrial } from "../../testing/start-session.ts";
import { TestTpm } from "../../testing/test-tpm.ts";
import { PolicyGetDigest } from "./PolicyGetDigest.ts";

describe("TPM2_PolicyGetDigest", () => {
  test.each([
    ["SHA-1", TPM_ALG.SHA1],
    ["SHA-256", TPM_ALG.SHA256],
    ["SHA-384", TPM_ALG.SHA384],
    ["SHA-512", TPM_ALG.SHA512],
  ])("a new session with %s has a digest of zeros", (_name, hashAlg) => {
    const tpm = TestTpm.started();
    const session = startPolicy(tpm, { hashAlg });
    expect(tpm.run(PolicyGetDigest, { policySession: session.handle }).out.policyDigest).toEqual(noPolicy(hashAlg));
  });

  test("a trial session has one too", () => {
    const tpm = TestTpm.started();
    const session = startTrial(tpm);
    expect(tpm.run(PolicyGetDigest, { policySession: session.handle }).out.policyDigest).toEqual(noPolicy());
  });

  test("an HMAC session is no policy session", () => {
    const tpm = TestTpm.started();
    const session = startSession(tpm);
    expect(tpm.run(PolicyGetDigest, { policySession: session.handle }).text).toBe("TPM_RC_VALUE (handle 1)");
    const asPolicy = session.handle + 0x0100_0000;
    expect(tpm.run(PolicyGetDigest, { policySession: asPolicy }).text).toBe("TPM_RC_HANDLE (handle 1)");
  });
});
