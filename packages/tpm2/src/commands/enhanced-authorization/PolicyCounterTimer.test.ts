import { type Bytes, encode, UINT16, UINT64 } from "@vtpm/wire";
import { describe, expect, test } from "vitest";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_ALG, TPM_EO } from "../../spec/constants.ts";
import { hash } from "../../testing/caller-crypto.ts";
import { digestOf, extended, noPolicy } from "../../testing/policy-digests.ts";
import { startPolicy, startTrial } from "../../testing/start-session.ts";
import { TestTpm } from "../../testing/test-tpm.ts";
import { PolicyCounterTimer } from "./PolicyCounterTimer.ts";

function policyOf(operandB: Bytes, offset: number, operation: number): Bytes {
  const args = hash(TPM_ALG.SHA256, operandB, encode(UINT16, offset), encode(UINT16, operation));
  return extended(noPolicy(), TPM_CC.PolicyCounterTimer, args);
}

const milliseconds = (count: number): Bytes => encode(UINT64, BigInt(count));

describe("TPM2_PolicyCounterTimer", () => {
  test.each<[name: string, operandB: Bytes, offset: number, operation: number, text: string]>([
    ["before the named time", milliseconds(5001), 0, TPM_EO.UNSIGNED_LT, "TPM_RC_SUCCESS"],
    ["not before the named time", milliseconds(5000), 0, TPM_EO.UNSIGNED_LT, "TPM_RC_POLICY"],
    ["Clock behind Time in the structure", milliseconds(5000), 8, TPM_EO.EQ, "TPM_RC_SUCCESS"],
    ["resetCount", Uint8Array.of(0, 0, 0, 1), 16, TPM_EO.EQ, "TPM_RC_SUCCESS"],
    ["whether Clock is safe", Uint8Array.of(1), 24, TPM_EO.EQ, "TPM_RC_SUCCESS"],
    ["nothing at the end", new Uint8Array(0), 25, TPM_EO.EQ, "TPM_RC_SUCCESS"],
    ["an offset behind the end", new Uint8Array(0), 26, TPM_EO.EQ, "TPM_RC_VALUE (parameter 2)"],
    ["an operand across the end", Uint8Array.of(1, 0), 24, TPM_EO.EQ, "TPM_RC_RANGE"],
  ])("%s", (_name, operandB, offset, operation, text) => {
    const tpm = TestTpm.started();
    const session = startPolicy(tpm);
    tpm.platform.clock += 5000;
    const answer = tpm.run(PolicyCounterTimer, { policySession: session.handle, operandB, offset, operation });
    expect(answer.text).toBe(text);
    expect(digestOf(tpm, session)).toEqual(answer.rc === 0 ? policyOf(operandB, offset, operation) : noPolicy());
  });

  test("compares nothing in a trial session, but the operand must lie inside", () => {
    const tpm = TestTpm.started();
    const session = startTrial(tpm);
    const input = { policySession: session.handle, operation: TPM_EO.EQ };
    expect(tpm.run(PolicyCounterTimer, { ...input, operandB: milliseconds(77), offset: 0 }).rc).toBe(0);
    expect(digestOf(tpm, session)).toEqual(policyOf(milliseconds(77), 0, TPM_EO.EQ));
    expect(tpm.run(PolicyCounterTimer, { ...input, operandB: milliseconds(77), offset: 26 }).text).toBe(
      "TPM_RC_VALUE (parameter 2)",
    );
    expect(tpm.run(PolicyCounterTimer, { ...input, operandB: milliseconds(77), offset: 18 }).text).toBe("TPM_RC_RANGE");
  });
});
