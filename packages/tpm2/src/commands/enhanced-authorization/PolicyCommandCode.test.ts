import { encode, UINT32 } from "@vtpm/wire";
import { describe, expect, test } from "vitest";
import { TPM_CC } from "../../spec/command-codes.ts";
import { digestOf, extended, noPolicy } from "../../testing/policy-digests.ts";
import { givenProtected, readProtected } from "../../testing/protected-index.ts";
import { startPolicy, startTrial } from "../../testing/start-session.ts";
import { TestTpm } from "../../testing/test-tpm.ts";
import { PolicyCommandCode } from "./PolicyCommandCode.ts";

const policyOf = (code: number) => extended(noPolicy(), TPM_CC.PolicyCommandCode, encode(UINT32, code));

describe("TPM2_PolicyCommandCode", () => {
  test.each([
    ["the command that is run", TPM_CC.NV_Read, "TPM_RC_SUCCESS"],
    ["another command", TPM_CC.NV_ReadLock, "TPM_RC_POLICY_CC (session 1)"],
  ])("limits the policy to %s", (_name, code, text) => {
    const tpm = TestTpm.started();
    const nvIndex = givenProtected(tpm, policyOf(code));
    const session = startPolicy(tpm);
    expect(tpm.run(PolicyCommandCode, { policySession: session.handle, code }).rc).toBe(0);
    expect(digestOf(tpm, session)).toEqual(policyOf(code));
    expect(readProtected(tpm, nvIndex, session)).toBe(text);
  });

  test("may be repeated, but not with another command", () => {
    const tpm = TestTpm.started();
    const { handle: policySession } = startTrial(tpm);
    const run = (code: number) => tpm.run(PolicyCommandCode, { policySession, code }).text;
    expect(run(TPM_CC.NV_Read)).toBe("TPM_RC_SUCCESS");
    expect(run(TPM_CC.NV_Read)).toBe("TPM_RC_SUCCESS");
    expect(run(TPM_CC.NV_Write)).toBe("TPM_RC_VALUE (parameter 1)");
    expect(run(0)).toBe("TPM_RC_VALUE (parameter 1)");
  });

  test.each([0, 0x11e, 0x123, TPM_CC.AC_Send, TPM_CC.NV_DefineSpace2, 0x0001_014e, 0x2000_014e, 0xffff_ffff])(
    "refuses 0x%i, which the TPM does not have",
    (code) => {
      const tpm = TestTpm.started();
      const { handle: policySession } = startPolicy(tpm);
      expect(tpm.run(PolicyCommandCode, { policySession, code }).text).toBe("TPM_RC_POLICY_CC (parameter 1)");
    },
  );
});
