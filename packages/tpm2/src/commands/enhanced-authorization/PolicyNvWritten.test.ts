import { EMPTY } from "@vtpm/wire";
import { describe, expect, test } from "vitest";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_ALG } from "../../spec/constants.ts";
import { TPM_RH } from "../../spec/handles.ts";
import { givenIndex, givenPersistent } from "../../testing/given.ts";
import { digestOf, extended, noPolicy } from "../../testing/policy-digests.ts";
import { startPolicy, startTrial } from "../../testing/start-session.ts";
import { TestTpm } from "../../testing/test-tpm.ts";
import { HierarchyChangeAuth } from "../hierarchy/HierarchyChangeAuth.ts";
import { NV_ReadLock } from "../non-volatile-storage/NV_ReadLock.ts";
import { PolicyNvWritten } from "./PolicyNvWritten.ts";

const policyOf = (writtenSet: number) => extended(noPolicy(), TPM_CC.PolicyNvWritten, Uint8Array.of(writtenSet));

describe("TPM2_PolicyNvWritten", () => {
  test.each([
    [1, true, "TPM_RC_SUCCESS"],
    [1, false, "TPM_RC_POLICY_FAIL (session 1)"],
    [0, true, "TPM_RC_POLICY_FAIL (session 1)"],
    [0, false, "TPM_RC_SUCCESS"],
  ])("writtenSet %i for an Index that is written: %s → %s", (writtenSet, WRITTEN, text) => {
    const tpm = TestTpm.started();
    const attributes = { AUTHREAD: false, POLICYREAD: true, READ_STCLEAR: true, NO_DA: true, WRITTEN } as const;
    const nvIndex = givenIndex(tpm, { attributes, authPolicy: policyOf(writtenSet) });
    const session = startPolicy(tpm);
    expect(tpm.run(PolicyNvWritten, { policySession: session.handle, writtenSet }).rc).toBe(0);
    expect(digestOf(tpm, session)).toEqual(policyOf(writtenSet));
    expect(tpm.run(NV_ReadLock, { authHandle: nvIndex, nvIndex }, [session]).text).toBe(text);
  });

  test("is of no use for anything but an Index", () => {
    const tpm = TestTpm.started();
    givenPersistent(tpm, { ownerAlg: TPM_ALG.SHA256, ownerPolicy: policyOf(1) });
    const session = startPolicy(tpm);
    tpm.run(PolicyNvWritten, { policySession: session.handle, writtenSet: 1 });
    const answer = tpm.run(HierarchyChangeAuth, { authHandle: TPM_RH.OWNER, newAuth: EMPTY }, [session]);
    expect(answer.text).toBe("TPM_RC_POLICY_FAIL (session 1)");
  });

  test("may be repeated, but not with the opposite", () => {
    const tpm = TestTpm.started();
    const { handle: policySession } = startTrial(tpm);
    const run = (writtenSet: number) => tpm.run(PolicyNvWritten, { policySession, writtenSet }).text;
    expect([run(0), run(0), run(1)]).toEqual(["TPM_RC_SUCCESS", "TPM_RC_SUCCESS", "TPM_RC_VALUE (parameter 1)"]);
  });

  test("takes yes or no", () => {
    const tpm = TestTpm.started();
    const { handle } = startPolicy(tpm);
    expect(tpm.runRaw(PolicyNvWritten, [handle], Uint8Array.of(2)).text).toBe("TPM_RC_VALUE (parameter 1)");
  });
});
