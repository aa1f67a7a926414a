import { type Bytes, concatBytes, encode, UINT16 } from "@vtpm/wire";
import { describe, expect, test } from "vitest";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_ALG, TPM_ST } from "../../spec/constants.ts";
import { TPM_RH } from "../../spec/handles.ts";
import { digestSize, hash, hmac, text } from "../../testing/caller-crypto.ts";
import { givenHmacKey } from "../../testing/given.ts";
import { digestOf, noPolicy, updated } from "../../testing/policy-digests.ts";
import { startPolicy, startTrial } from "../../testing/start-session.ts";
import { TestTpm } from "../../testing/test-tpm.ts";
import { VerifySignature } from "../signing/VerifySignature.ts";
import { PolicyAuthorize } from "./PolicyAuthorize.ts";
import { PolicyAuthValue } from "./PolicyAuthValue.ts";

const key = text("the authority's key");
const policyRef = text("version 2");

/** A TPM with the authority's key, and a session whose policy the authority has approved. */
function given(hashAlg: number = TPM_ALG.SHA256) {
  const tpm = TestTpm.started();
  const keyHandle = givenHmacKey(tpm, key);
  const keySign = tpm.nameOf(keyHandle);
  const session = startPolicy(tpm, { hashAlg });
  tpm.run(PolicyAuthValue, { policySession: session.handle });
  const approvedPolicy = digestOf(tpm, session);
  const aHash = hash(TPM_ALG.SHA256, approvedPolicy, policyRef);
  const signature = {
    sigAlg: TPM_ALG.HMAC,
    signature: { hashAlg: TPM_ALG.SHA256, digest: hmac(TPM_ALG.SHA256, key, aHash) },
  };
  const checkTicket = tpm.run(VerifySignature, { keyHandle, digest: aHash, signature }).out.validation;
  return { tpm, session, input: { policySession: session.handle, approvedPolicy, policyRef, keySign, checkTicket } };
}

describe("TPM2_PolicyAuthorize", () => {
  test.each([
    ["SHA-256", TPM_ALG.SHA256],
    ["SHA-384, though the key's Name is SHA-256", TPM_ALG.SHA384],
  ])("exchanges an approved policy for one that names the key, in a session with %s", (_name, hashAlg) => {
    const { tpm, session, input } = given(hashAlg);
    expect(tpm.run(PolicyAuthorize, input).text).toBe("TPM_RC_SUCCESS");
    expect(digestOf(tpm, session)).toEqual(
      updated(noPolicy(hashAlg), TPM_CC.PolicyAuthorize, input.keySign, policyRef),
    );
  });

  test("another policy than the session's", () => {
    const { tpm, input } = given();
    const answer = tpm.run(PolicyAuthorize, { ...input, approvedPolicy: noPolicy() });
    expect(answer.text).toBe("TPM_RC_VALUE (parameter 1)");
  });

  test.each<[name: string, change: (input: ReturnType<typeof given>["input"]) => object]>([
    ["another policyRef", () => ({ policyRef: text("version 1") })],
    ["another key", () => ({ keySign: concatBytes(encode(UINT16, TPM_ALG.SHA256), noPolicy()) })],
    ["another hierarchy", ({ checkTicket }) => ({ checkTicket: { ...checkTicket, hierarchy: TPM_RH.ENDORSEMENT } })],
    ["no digest", ({ checkTicket }) => ({ checkTicket: { ...checkTicket, digest: new Uint8Array(0) } })],
    ["half a digest", ({ checkTicket }) => ({ checkTicket: { ...checkTicket, digest: checkTicket.digest.slice(32) } })],
  ])("a ticket for %s", (_name, change) => {
    const { tpm, input } = given();
    expect(tpm.run(PolicyAuthorize, { ...input, ...change(input) }).text).toBe("TPM_RC_VALUE (parameter 4)");
  });

  test.each<[name: string, keySign: Bytes, text: string]>([
    ["no byte", new Uint8Array(0), "TPM_RC_SIZE (parameter 3)"],
    ["one byte", Uint8Array.of(0), "TPM_RC_SIZE (parameter 3)"],
    ["an algorithm alone", encode(UINT16, TPM_ALG.SHA256), "TPM_RC_SIZE (parameter 3)"],
    ["no hash", concatBytes(encode(UINT16, TPM_ALG.AES), noPolicy()), "TPM_RC_HASH (parameter 3)"],
    ["TPM_ALG_NULL", encode(UINT16, TPM_ALG.NULL), "TPM_RC_HASH (parameter 3)"],
    ["a hash the TPM lacks", concatBytes(encode(UINT16, TPM_ALG.SM3_256), noPolicy()), "TPM_RC_HASH (parameter 3)"],
    ["a handle", Uint8Array.of(0x40, 0, 0, 1), "TPM_RC_HASH (parameter 3)"],
    ["a byte too few", concatBytes(encode(UINT16, TPM_ALG.SHA256), new Uint8Array(31)), "TPM_RC_SIZE (parameter 3)"],
    ["a byte too many", concatBytes(encode(UINT16, TPM_ALG.SHA256), new Uint8Array(33)), "TPM_RC_SIZE (parameter 3)"],
  ])("a Name that is none: %s, in a trial session too", (_name, keySign, outcome) => {
    const { tpm, input } = given();
    expect(tpm.run(PolicyAuthorize, { ...input, keySign }).text).toBe(outcome);
    const policySession = startTrial(tpm).handle;
    expect(tpm.run(PolicyAuthorize, { ...input, policySession, keySign }).text).toBe(outcome);
    expect(tpm.faults).toEqual([]);
  });

  test("believes everything in a trial session", () => {
    const { tpm, input } = given();
    const session = startTrial(tpm);
    const keySign = concatBytes(encode(UINT16, TPM_ALG.SHA512), new Uint8Array(digestSize(TPM_ALG.SHA512)));
    const checkTicket = { tag: TPM_ST.VERIFIED, hierarchy: TPM_RH.NULL, digest: new Uint8Array(0) };
    const trial = { ...input, policySession: session.handle, keySign, checkTicket };
    expect(tpm.run(PolicyAuthorize, trial).rc).toBe(0);
    expect(digestOf(tpm, session)).toEqual(updated(noPolicy(), TPM_CC.PolicyAuthorize, keySign, policyRef));
  });
});
