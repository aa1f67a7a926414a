import { encode } from "@vtpm/wire";
import { describe, expect, test } from "vitest";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_ALG } from "../../spec/constants.ts";
import { TPML_PCR_SELECTION } from "../../spec/structures/index.ts";
import { hash, text } from "../../testing/caller-crypto.ts";
import { digestOf, extended, noPolicy } from "../../testing/policy-digests.ts";
import { givenProtected, readProtected } from "../../testing/protected-index.ts";
import { startPolicy, startTrial } from "../../testing/start-session.ts";
import { TestTpm } from "../../testing/test-tpm.ts";
import { PCR_Extend } from "../integrity-collection/PCR_Extend.ts";
import { PolicyPCR } from "./PolicyPCR.ts";

const none = new Uint8Array(0);
const pcr0and1 = [{ hash: TPM_ALG.SHA256, pcrSelect: Uint8Array.of(3, 0, 0) }] as const;
const twoZeros = hash(TPM_ALG.SHA256, new Uint8Array(64));
const something = hash(TPM_ALG.SHA256, text("something"));

const extend = (tpm: TestTpm, pcr: number) =>
  tpm.run(PCR_Extend, { pcrHandle: pcr, digests: [{ hashAlg: TPM_ALG.SHA256, digest: something }] });

const policyOf = (selection: TPML_PCR_SELECTION, digest: Uint8Array) =>
  extended(noPolicy(), TPM_CC.PolicyPCR, encode(TPML_PCR_SELECTION, selection), digest);

describe("TPM2_PolicyPCR", () => {
  test.each([
    ["without a demanded digest", none],
    ["with the digest they have", twoZeros],
  ])("hashes selection and digest of the PCRs %s", (_name, pcrDigest) => {
    const tpm = TestTpm.started();
    const session = startPolicy(tpm);
    expect(tpm.run(PolicyPCR, { policySession: session.handle, pcrDigest, pcrs: pcr0and1 }).rc).toBe(0);
    expect(digestOf(tpm, session)).toEqual(policyOf(pcr0and1, twoZeros));
  });

  test("refuses another digest", () => {
    const tpm = TestTpm.started();
    const session = startPolicy(tpm);
    const answer = tpm.run(PolicyPCR, { policySession: session.handle, pcrDigest: something, pcrs: pcr0and1 });
    expect(answer.text).toBe("TPM_RC_VALUE (parameter 1)");
  });

  test("takes the demanded digest as it is in a trial session", () => {
    const tpm = TestTpm.started();
    const session = startTrial(tpm);
    expect(tpm.run(PolicyPCR, { policySession: session.handle, pcrDigest: something, pcrs: pcr0and1 }).rc).toBe(0);
    expect(digestOf(tpm, session)).toEqual(policyOf(pcr0and1, something));
    const second = startTrial(tpm);
    tpm.run(PolicyPCR, { policySession: second.handle, pcrDigest: none, pcrs: pcr0and1 });
    expect(digestOf(tpm, second)).toEqual(policyOf(pcr0and1, twoZeros));
  });

  test("authorizes until a PCR changes", () => {
    const tpm = TestTpm.started();
    const nvIndex = givenProtected(tpm, policyOf(pcr0and1, twoZeros));
    const session = startPolicy(tpm);
    tpm.run(PolicyPCR, { policySession: session.handle, pcrDigest: none, pcrs: pcr0and1 });
    expect(readProtected(tpm, nvIndex, session)).toBe("TPM_RC_SUCCESS");
    tpm.run(PolicyPCR, { policySession: session.handle, pcrDigest: none, pcrs: pcr0and1 });
    extend(tpm, 5);
    expect(readProtected(tpm, nvIndex, session)).toBe("TPM_RC_PCR_CHANGED");
  });

  test("cannot be run again in the session after a change, though the digest would be right", () => {
    const tpm = TestTpm.started();
    const session = startPolicy(tpm);
    tpm.run(PolicyPCR, { policySession: session.handle, pcrDigest: none, pcrs: pcr0and1 });
    extend(tpm, 5);
    for (const pcrDigest of [none, something]) {
      const answer = tpm.run(PolicyPCR, { policySession: session.handle, pcrDigest, pcrs: pcr0and1 });
      expect(answer.text).toBe("TPM_RC_PCR_CHANGED");
    }
    const other = startPolicy(tpm);
    expect(tpm.run(PolicyPCR, { policySession: other.handle, pcrDigest: twoZeros, pcrs: pcr0and1 }).rc).toBe(0);
  });
});
