import { type Bytes, concatBytes, encode, UINT16 } from "@vtpm/wire";
import { describe, expect, test } from "vitest";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_ALG } from "../../spec/constants.ts";
import { TPM_RH } from "../../spec/handles.ts";
import { type GivenIndex, givenIndex } from "../../testing/given.ts";
import { digestOf, extended, noPolicy } from "../../testing/policy-digests.ts";
import { startPolicy, startTrial } from "../../testing/start-session.ts";
import { TestTpm } from "../../testing/test-tpm.ts";
import { PolicyAuthorizeNV } from "./PolicyAuthorizeNV.ts";
import { PolicyAuthValue } from "./PolicyAuthValue.ts";

const policy = extended(noPolicy(), TPM_CC.PolicyAuthValue);
const approving = (hashAlg: number, digest: Bytes): Bytes => concatBytes(encode(UINT16, hashAlg), digest);

describe("TPM2_PolicyAuthorizeNV", () => {
  test.each([
    ["exactly", new Uint8Array(0)],
    ["and something behind it", new Uint8Array(100)],
  ])("exchanges the policy that the Index holds, %s, for one that names the Index", (_name, rest) => {
    const tpm = TestTpm.started();
    const nvIndex = givenIndex(tpm, { data: concatBytes(approving(TPM_ALG.SHA256, policy), rest) });
    const session = startPolicy(tpm);
    tpm.run(PolicyAuthValue, { policySession: session.handle });
    const answer = tpm.run(PolicyAuthorizeNV, { authHandle: nvIndex, nvIndex, policySession: session.handle });
    expect(answer.text).toBe("TPM_RC_SUCCESS");
    expect(digestOf(tpm, session)).toEqual(extended(noPolicy(), TPM_CC.PolicyAuthorizeNV, tpm.nameOf(nvIndex)));
  });

  test.each<[name: string, index: GivenIndex, outcome: string]>([
    ["locked for reading", { attributes: { READLOCKED: true } }, "TPM_RC_NV_LOCKED"],
    ["never written", { attributes: { WRITTEN: false } }, "TPM_RC_NV_UNINITIALIZED"],
    ["of another policy", { data: approving(TPM_ALG.SHA256, noPolicy()) }, "TPM_RC_VALUE"],
    ["of another hash", { data: approving(TPM_ALG.SHA1, new Uint8Array(20)) }, "TPM_RC_HASH"],
    ["without a hash", { data: approving(TPM_ALG.AES, policy) }, "TPM_RC_HASH"],
    ["with TPM_ALG_NULL", { data: approving(TPM_ALG.NULL, policy) }, "TPM_RC_HASH"],
    ["too small for its digest", { data: approving(TPM_ALG.SHA256, policy.slice(1)) }, "TPM_RC_INSUFFICIENT"],
    ["too small for an algorithm", { data: Uint8Array.of(0) }, "TPM_RC_INSUFFICIENT"],
    ["empty", { data: new Uint8Array(0) }, "TPM_RC_INSUFFICIENT"],
  ])("an Index that is %s", (_name, index, outcome) => {
    const tpm = TestTpm.started();
    const nvIndex = givenIndex(tpm, { data: approving(TPM_ALG.SHA256, policy), ...index });
    const session = startPolicy(tpm);
    tpm.run(PolicyAuthValue, { policySession: session.handle });
    const answer = tpm.run(PolicyAuthorizeNV, { authHandle: nvIndex, nvIndex, policySession: session.handle });
    expect(answer.text).toBe(outcome);
    expect(digestOf(tpm, session)).toEqual(policy);
  });

  test("an authorization that cannot read the Index", () => {
    const tpm = TestTpm.started();
    const nvIndex = givenIndex(tpm, { data: approving(TPM_ALG.SHA256, noPolicy()) });
    const { handle: policySession } = startPolicy(tpm);
    const answer = tpm.run(PolicyAuthorizeNV, { authHandle: TPM_RH.OWNER, nvIndex, policySession });
    expect(answer.text).toBe("TPM_RC_NV_AUTHORIZATION");
  });

  test("does not look at the contents in a trial session", () => {
    const tpm = TestTpm.started();
    const nvIndex = givenIndex(tpm, { attributes: { WRITTEN: false } });
    const session = startTrial(tpm);
    const answer = tpm.run(PolicyAuthorizeNV, { authHandle: nvIndex, nvIndex, policySession: session.handle });
    expect(answer.text).toBe("TPM_RC_SUCCESS");
    expect(digestOf(tpm, session)).toEqual(extended(noPolicy(), TPM_CC.PolicyAuthorizeNV, tpm.nameOf(nvIndex)));
  });
});
