import { encode, UINT16, UINT32 } from "@vtpm/wire";
import { describe, expect, test } from "vitest";
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

const none = new Uint8Array(0);
const ownerName = Uint8Array.of(0x40, 0, 0, 1);
const some = hash(TPM_ALG.SHA256, text("some"));
const other = hash(TPM_ALG.SHA256, text("other"));

describe("TPM2_PolicyCpHash", () => {
  test.each([
    ["this command", none, "TPM_RC_SUCCESS"],
    ["this command with other parameters", text("x"), "TPM_RC_POLICY_FAIL (session 1)"],
  ])("limits the policy to one command: %s", (_name, newAuth, outcome) => {
    const tpm = TestTpm.started();
    const cpHashA = hash(TPM_ALG.SHA256, encode(UINT32, TPM_CC.HierarchyChangeAuth), ownerName, encode(UINT16, 0));
    const policy = extended(noPolicy(), TPM_CC.PolicyCpHash, cpHashA);
    givenPersistent(tpm, { ownerAlg: TPM_ALG.SHA256, ownerPolicy: policy });
    const session = startPolicy(tpm);
    expect(tpm.run(PolicyCpHash, { policySession: session.handle, cpHashA }).rc).toBe(0);
    expect(digestOf(tpm, session)).toEqual(policy);
    expect(tpm.run(HierarchyChangeAuth, { authHandle: TPM_RH.OWNER, newAuth }, [session]).text).toBe(outcome);
  });

  test.each([
    ["SHA-1 in a SHA-256 session", new Uint8Array(20)],
    ["none", new Uint8Array(0)],
    ["one byte too many", new Uint8Array(33)],
  ])("a hash of the wrong size: %s", (_name, cpHashA) => {
    const tpm = TestTpm.started();
    const { handle: policySession } = startPolicy(tpm);
    expect(tpm.run(PolicyCpHash, { policySession, cpHashA }).text).toBe("TPM_RC_SIZE (parameter 1)");
  });

  test("may be repeated, but not with another hash or after a hash of another kind", () => {
    const tpm = TestTpm.started();
    const { handle: policySession } = startPolicy(tpm);
    const run = (cpHashA: Uint8Array) => tpm.run(PolicyCpHash, { policySession, cpHashA }).text;
    expect([run(some), run(some), run(other)]).toEqual(["TPM_RC_SUCCESS", "TPM_RC_SUCCESS", "TPM_RC_CPHASH"]);
    const second = startPolicy(tpm).handle;
    tpm.run(PolicyNameHash, { policySession: second, nameHash: some });
    expect(tpm.run(PolicyCpHash, { policySession: second, cpHashA: some }).text).toBe("TPM_RC_CPHASH");
    expect(tpm.run(PolicyCpHash, { policySession: second, cpHashA: new Uint8Array(1) }).text).toBe(
      "TPM_RC_SIZE (parameter 1)",
    );
  });
});
