import { encode } from "@vtpm/wire";
import { describe, expect, test } from "vitest";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_ALG } from "../../spec/constants.ts";
import { TPM2B_DIGEST } from "../../spec/structures/index.ts";
import { hash, text } from "../../testing/caller-crypto.ts";
import { digestOf, extended, noPolicy } from "../../testing/policy-digests.ts";
import { startPolicy, startTrial } from "../../testing/start-session.ts";
import { TestTpm } from "../../testing/test-tpm.ts";
import { PolicyAuthValue } from "./PolicyAuthValue.ts";
import { PolicyOR } from "./PolicyOR.ts";

const other = hash(TPM_ALG.SHA256, text("another policy"));
const third = hash(TPM_ALG.SHA256, text("a third policy"));

describe("TPM2_PolicyOR", () => {
  test.each([
    ["first", [noPolicy(), other]],
    ["last of eight", [...Array.from({ length: 7 }, () => other), noPolicy()]],
  ])("goes on with the digest of all branches when the policy so far is the %s", (_name, pHashList) => {
    const tpm = TestTpm.started();
    const session = startPolicy(tpm);
    expect(tpm.run(PolicyOR, { policySession: session.handle, pHashList }).rc).toBe(0);
    expect(digestOf(tpm, session)).toEqual(extended(noPolicy(), TPM_CC.PolicyOR, ...pHashList));
  });

  test("replaces the digest instead of extending it", () => {
    const tpm = TestTpm.started();
    const session = startPolicy(tpm);
    tpm.run(PolicyAuthValue, { policySession: session.handle });
    const pHashList = [digestOf(tpm, session), other];
    tpm.run(PolicyOR, { policySession: session.handle, pHashList });
    expect(digestOf(tpm, session)).toEqual(extended(noPolicy(), TPM_CC.PolicyOR, ...pHashList));
  });

  test("refuses a list without the policy so far", () => {
    const tpm = TestTpm.started();
    const session = startPolicy(tpm);
    const answer = tpm.run(PolicyOR, { policySession: session.handle, pHashList: [other, third] });
    expect(answer.text).toBe("TPM_RC_VALUE (parameter 1)");
    expect(digestOf(tpm, session)).toEqual(noPolicy());
  });

  test("believes everything in a trial session", () => {
    const tpm = TestTpm.started();
    const session = startTrial(tpm);
    expect(tpm.run(PolicyOR, { policySession: session.handle, pHashList: [other, third] }).rc).toBe(0);
    expect(digestOf(tpm, session)).toEqual(extended(noPolicy(), TPM_CC.PolicyOR, other, third));
  });

  test.each([
    ["none", 0],
    ["one", 1],
    ["nine", 9],
  ])("takes two to eight branches, not %s", (_name, count) => {
    const tpm = TestTpm.started();
    const session = startPolicy(tpm);
    const list = Array.from({ length: count }, () => noPolicy());
    const digests = list.flatMap((digest) => [...encode(TPM2B_DIGEST, digest)]);
    const answer = tpm.runRaw(PolicyOR, [session.handle], Uint8Array.of(0, 0, 0, count, ...digests));
    expect(answer.text).toBe("TPM_RC_SIZE (parameter 1)");
  });
});
