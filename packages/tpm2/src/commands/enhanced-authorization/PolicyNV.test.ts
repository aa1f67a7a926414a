import { type Bytes, encode, UINT16 } from "@vtpm/wire";
import { describe, expect, test } from "vitest";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_ALG, TPM_EO } from "../../spec/constants.ts";
import { TPM_RH } from "../../spec/handles.ts";
import { hash } from "../../testing/caller-crypto.ts";
import { type GivenIndex, givenIndex } from "../../testing/given.ts";
import { digestOf, extended, noPolicy } from "../../testing/policy-digests.ts";
import { startPolicy, startTrial } from "../../testing/start-session.ts";
import { TestTpm } from "../../testing/test-tpm.ts";
import { PolicyNV } from "./PolicyNV.ts";

const data = Uint8Array.of(1, 2, 3, 4);

function policyOf(name: Bytes, operandB: Bytes, offset: number, operation: number): Bytes {
  const args = hash(TPM_ALG.SHA256, operandB, encode(UINT16, offset), encode(UINT16, operation));
  return extended(noPolicy(), TPM_CC.PolicyNV, args, name);
}

describe("TPM2_PolicyNV", () => {
  test("hashes the arguments and the Name of the Index", () => {
    const tpm = TestTpm.started();
    const nvIndex = givenIndex(tpm, { data });
    const session = startPolicy(tpm);
    const input = { operandB: Uint8Array.of(2, 3), offset: 1, operation: TPM_EO.EQ };
    expect(tpm.run(PolicyNV, { authHandle: nvIndex, nvIndex, policySession: session.handle, ...input }).rc).toBe(0);
    expect(digestOf(tpm, session)).toEqual(policyOf(tpm.nameOf(nvIndex), input.operandB, 1, TPM_EO.EQ));
  });

  test("looks at nothing in a trial session", () => {
    const tpm = TestTpm.started();
    const nvIndex = givenIndex(tpm, { data, attributes: { READLOCKED: true, WRITTEN: false } });
    const session = startTrial(tpm);
    const input = { operandB: Uint8Array.of(9, 9), offset: 77, operation: TPM_EO.EQ };
    expect(tpm.run(PolicyNV, { authHandle: nvIndex, nvIndex, policySession: session.handle, ...input }).rc).toBe(0);
    expect(digestOf(tpm, session)).toEqual(policyOf(tpm.nameOf(nvIndex), input.operandB, 77, TPM_EO.EQ));
  });

  test.each<
    [
      name: string,
      index: GivenIndex,
      auth: "index" | "owner" | "platform",
      operandB: Bytes,
      offset: number,
      text: string,
    ]
  >([
    [
      "an Index locked for reading",
      { attributes: { READLOCKED: true, WRITTEN: false } },
      "owner",
      data,
      9,
      "TPM_RC_NV_LOCKED",
    ],
    [
      "the owner where OWNERREAD is clear",
      { attributes: { WRITTEN: false } },
      "owner",
      data,
      9,
      "TPM_RC_NV_AUTHORIZATION",
    ],
    ["the platform where PPREAD is clear", {}, "platform", data, 9, "TPM_RC_NV_AUTHORIZATION"],
    ["an Index that was not written", { attributes: { WRITTEN: false } }, "index", data, 9, "TPM_RC_NV_UNINITIALIZED"],
    ["an offset behind the end", {}, "index", Uint8Array.of(1, 2, 3, 4, 5), 5, "TPM_RC_VALUE (parameter 2)"],
    ["an operand across the end", {}, "index", data, 1, "TPM_RC_SIZE (parameter 1)"],
    ["nothing compared at the end", {}, "index", new Uint8Array(0), 4, "TPM_RC_SUCCESS"],
    ["other contents", {}, "index", Uint8Array.of(1, 2, 3, 5), 0, "TPM_RC_POLICY"],
    ["the owner where OWNERREAD is set", { attributes: { OWNERREAD: true } }, "owner", data, 0, "TPM_RC_SUCCESS"],
    ["the platform where PPREAD is set", { attributes: { PPREAD: true } }, "platform", data, 0, "TPM_RC_SUCCESS"],
  ])("%s", (_name, index, auth, operandB, offset, text) => {
    const tpm = TestTpm.started();
    const nvIndex = givenIndex(tpm, { data, ...index });
    const authHandle = { index: nvIndex, owner: TPM_RH.OWNER, platform: TPM_RH.PLATFORM }[auth];
    const session = startPolicy(tpm);
    const input = { operandB, offset, operation: TPM_EO.EQ };
    const answer = tpm.run(PolicyNV, { authHandle, nvIndex, policySession: session.handle, ...input });
    expect(answer.text).toBe(text);
    if (answer.rc !== 0) expect(digestOf(tpm, session)).toEqual(noPolicy());
  });

  test("another Index cannot authorize", () => {
    const tpm = TestTpm.started();
    const nvIndex = givenIndex(tpm, { data });
    const authHandle = givenIndex(tpm, { data, nvIndex: 0x0180_0002 });
    const session = startPolicy(tpm);
    const input = { operandB: data, offset: 0, operation: TPM_EO.EQ };
    const answer = tpm.run(PolicyNV, { authHandle, nvIndex, policySession: session.handle, ...input });
    expect(answer.text).toBe("TPM_RC_NV_AUTHORIZATION");
  });
});
