import { describe, expect, test } from "vitest";
import { DEFAULT_V1, deriveProfile } from "../../profile.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_ALG } from "../../spec/constants.ts";
import { TPM_RH } from "../../spec/handles.ts";
import { hash, text } from "../../testing/caller-crypto.ts";
import { givenPersistent } from "../../testing/given.ts";
import { digestOf, extended, noPolicy } from "../../testing/policy-digests.ts";
import { startPolicy } from "../../testing/start-session.ts";
import { TestTpm } from "../../testing/test-tpm.ts";
import { HierarchyChangeAuth } from "../hierarchy/HierarchyChangeAuth.ts";
import { PolicyCpHash } from "./PolicyCpHash.ts";
import { PolicyNameHash } from "./PolicyNameHash.ts";

const some = hash(TPM_ALG.SHA256, text("some"));
const ownerName = Uint8Array.of(0x40, 0, 0, 1);
const nameHash = hash(TPM_ALG.SHA256, ownerName);
const policy = extended(noPolicy(), TPM_CC.PolicyNameHash, nameHash);

const changeAuth = (tpm: TestTpm, authHandle: number, session: ReturnType<typeof startPolicy>) =>
  tpm.run(HierarchyChangeAuth, { authHandle, newAuth: new Uint8Array(0) }, [session]).text;

describe("TPM2_PolicyNameHash", () => {
  test.each([
    ["today's format", DEFAULT_V1],
    ["libtpms 0.9's format, which has no bit for it", deriveProfile(DEFAULT_V1, { stateFormatLevel: 1 })],
  ])("limits the policy to entities, with state in %s", (_name, profile) => {
    const tpm = TestTpm.started({ profile });
    const { SHA256 } = TPM_ALG;
    givenPersistent(tpm, { ownerAlg: SHA256, ownerPolicy: policy, endorsementAlg: SHA256, endorsementPolicy: policy });
    for (const [handle, outcome] of [
      [TPM_RH.OWNER, "TPM_RC_SUCCESS"],
      [TPM_RH.ENDORSEMENT, "TPM_RC_POLICY_FAIL (session 1)"],
    ] as const) {
      const session = startPolicy(tpm);
      expect(tpm.run(PolicyNameHash, { policySession: session.handle, nameHash }).rc).toBe(0);
      expect(digestOf(tpm, session)).toEqual(policy);
      expect(changeAuth(tpm, handle, session)).toBe(outcome);
    }
  });

  test("needs a hash of the session's size", () => {
    const tpm = TestTpm.started();
    const { handle: policySession } = startPolicy(tpm);
    const answer = tpm.run(PolicyNameHash, { policySession, nameHash: new Uint8Array(20) });
    expect(answer.text).toBe("TPM_RC_SIZE (parameter 1)");
  });

  test("cannot be repeated, even with the same hash", () => {
    const tpm = TestTpm.started();
    const { handle: policySession } = startPolicy(tpm);
    tpm.run(PolicyNameHash, { policySession, nameHash: some });
    expect(tpm.run(PolicyNameHash, { policySession, nameHash: some }).text).toBe("TPM_RC_CPHASH");
    expect(tpm.run(PolicyNameHash, { policySession, nameHash: new Uint8Array(1) }).text).toBe(
      "TPM_RC_SIZE (parameter 1)",
    );
  });

  test("cannot follow a cpHash", () => {
    const tpm = TestTpm.started();
    const { handle: policySession } = startPolicy(tpm);
    tpm.run(PolicyCpHash, { policySession, cpHashA: some });
    expect(tpm.run(PolicyNameHash, { policySession, nameHash: some }).text).toBe("TPM_RC_CPHASH");
  });
});
