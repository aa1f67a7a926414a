import { type Bytes, concatBytes, encode, UINT16 } from "@vtpm/wire";
import { describe, expect, test } from "vitest";
import { TPMA_OBJECT } from "../../spec/attributes.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_ALG } from "../../spec/constants.ts";
import { TPM_RH } from "../../spec/handles.ts";
import { TPMT_PUBLIC } from "../../spec/structures/index.ts";
import { hash, text } from "../../testing/caller-crypto.ts";
import { givenPersistent } from "../../testing/given.ts";
import { digestOf, extended, noPolicy } from "../../testing/policy-digests.ts";
import { startPolicy } from "../../testing/start-session.ts";
import { TestTpm } from "../../testing/test-tpm.ts";
import { CreatePrimary } from "../hierarchy/CreatePrimary.ts";
import { HierarchyChangeAuth } from "../hierarchy/HierarchyChangeAuth.ts";
import { PolicyCpHash } from "./PolicyCpHash.ts";
import { PolicyTemplate } from "./PolicyTemplate.ts";

const none = new Uint8Array(0);
const some = hash(TPM_ALG.SHA256, text("some"));

/** An HMAC key. */
const template: TPMT_PUBLIC = {
  type: TPM_ALG.KEYEDHASH,
  nameAlg: TPM_ALG.SHA256,
  objectAttributes: TPMA_OBJECT.of({ sign: true, sensitiveDataOrigin: true, userWithAuth: true }),
  authPolicy: none,
  parameters: { scheme: { scheme: TPM_ALG.HMAC, details: { hashAlg: TPM_ALG.SHA256 } } },
  unique: none,
};
const input = {
  primaryHandle: TPM_RH.OWNER,
  inSensitive: { userAuth: none, data: none },
  inPublic: template,
  outsideInfo: none,
  creationPCR: [],
};

/** A TPM whose owner lets objects be created from one template, and a session that says so. */
function given(templateHash: Bytes) {
  const tpm = TestTpm.started();
  const policy = extended(noPolicy(), TPM_CC.PolicyTemplate, templateHash);
  givenPersistent(tpm, { ownerAlg: TPM_ALG.SHA256, ownerPolicy: policy });
  const session = startPolicy(tpm);
  expect(tpm.run(PolicyTemplate, { policySession: session.handle, templateHash }).rc).toBe(0);
  expect(digestOf(tpm, session)).toEqual(policy);
  return { tpm, session };
}

describe("TPM2_PolicyTemplate", () => {
  test("lets an object be created from the template", () => {
    const { tpm, session } = given(hash(TPM_ALG.SHA256, encode(TPMT_PUBLIC, template)));
    expect(tpm.run(CreatePrimary, input, [session]).text).toBe("TPM_RC_SUCCESS");
  });

  test("not from another template", () => {
    const { tpm, session } = given(some);
    expect(tpm.run(CreatePrimary, input, [session]).text).toBe("TPM_RC_POLICY_FAIL (session 1)");
  });

  test("lets nothing else be done", () => {
    const { tpm, session } = given(hash(TPM_ALG.SHA256, encode(TPMT_PUBLIC, template)));
    const answer = tpm.run(HierarchyChangeAuth, { authHandle: TPM_RH.OWNER, newAuth: none }, [session]);
    expect(answer.text).toBe("TPM_RC_POLICY_FAIL (session 1)");
  });

  test.each<[name: string, parameters: Bytes]>([
    ["a first sized buffer past the end", concatBytes(encode(UINT16, 0xffff), new Uint8Array(40))],
    ["a first sized buffer up to the end", concatBytes(encode(UINT16, 40), new Uint8Array(40))],
    ["one byte behind the first", concatBytes(encode(UINT16, 40), new Uint8Array(41))],
    ["a template past the end", concatBytes(encode(UINT16, 4), new Uint8Array(4), encode(UINT16, 0x7fff), some)],
    ["no parameters", none],
    ["one byte", Uint8Array.of(0)],
  ])("%s is refused and nothing is read that is not there", (_name, parameters) => {
    const { tpm, session } = given(hash(TPM_ALG.SHA256, none));
    const answer = tpm.runRaw(CreatePrimary, [TPM_RH.OWNER], parameters, [session]);
    expect(answer.text).toBe("TPM_RC_POLICY_FAIL (session 1)");
    expect(tpm.faults).toEqual([]);
  });

  test("may be repeated, but not with another hash", () => {
    const { tpm, session } = given(some);
    const run = (templateHash: Bytes) => tpm.run(PolicyTemplate, { policySession: session.handle, templateHash }).text;
    expect(run(some)).toBe("TPM_RC_SUCCESS");
    expect(run(noPolicy())).toBe("TPM_RC_CPHASH");
  });

  test("of two mistakes the other hash is reported before the size", () => {
    const tpm = TestTpm.started();
    const { handle: policySession } = startPolicy(tpm);
    const run = () => tpm.run(PolicyTemplate, { policySession, templateHash: new Uint8Array(20) }).text;
    expect(run()).toBe("TPM_RC_SIZE (parameter 1)");
    tpm.run(PolicyCpHash, { policySession, cpHashA: some });
    expect(run()).toBe("TPM_RC_CPHASH");
  });
});
