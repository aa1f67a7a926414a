import { encode, UINT16, UINT32 } from "@vtpm/wire";
import { describe, expect, test } from "vitest";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_ALG } from "../../spec/constants.ts";
import { hash } from "../../testing/caller-crypto.ts";
import { digestOf, extended, noPolicy } from "../../testing/policy-digests.ts";
import { givenProtected, readProtected } from "../../testing/protected-index.ts";
import { startPolicy } from "../../testing/start-session.ts";
import { TestTpm } from "../../testing/test-tpm.ts";
import { PolicyParameters } from "./PolicyParameters.ts";

const readOf = (size: number) =>
  hash(TPM_ALG.SHA256, encode(UINT32, TPM_CC.NV_Read), encode(UINT16, size), encode(UINT16, 0));

describe("TPM2_PolicyParameters", () => {
  test.each([
    ["these parameters", 4, "TPM_RC_SUCCESS"],
    ["other parameters", 3, "TPM_RC_POLICY_FAIL (session 1)"],
  ])("limits the policy to a command with %s", (_name, size, text) => {
    const tpm = TestTpm.started();
    const policy = extended(noPolicy(), TPM_CC.PolicyParameters, readOf(size));
    const nvIndex = givenProtected(tpm, policy);
    const session = startPolicy(tpm);
    expect(tpm.run(PolicyParameters, { policySession: session.handle, pHash: readOf(size) }).rc).toBe(0);
    expect(digestOf(tpm, session)).toEqual(policy);
    expect(readProtected(tpm, nvIndex, session)).toBe(text);
  });

  test("needs a hash of the session's size, and to be the only hash", () => {
    const tpm = TestTpm.started();
    const { handle: policySession } = startPolicy(tpm);
    const run = (pHash: Uint8Array) => tpm.run(PolicyParameters, { policySession, pHash }).text;
    expect(run(new Uint8Array(20))).toBe("TPM_RC_SIZE (parameter 1)");
    expect(run(readOf(4))).toBe("TPM_RC_SUCCESS");
    expect(run(readOf(4))).toBe("TPM_RC_CPHASH");
    expect(run(new Uint8Array(20))).toBe("TPM_RC_SIZE (parameter 1)");
  });
});
