import { concatBytes } from "@vtpm/wire";
import { describe, expect, test } from "vitest";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_ALG } from "../../spec/constants.ts";
import { hash, text } from "../../testing/caller-crypto.ts";
import { digestOf, extended, noPolicy } from "../../testing/policy-digests.ts";
import { startPolicy, startTrial } from "../../testing/start-session.ts";
import { TestTpm } from "../../testing/test-tpm.ts";
import { PolicyCommandCode } from "./PolicyCommandCode.ts";
import { PolicyCpHash } from "./PolicyCpHash.ts";
import { PolicyDuplicationSelect } from "./PolicyDuplicationSelect.ts";
import { PolicyNameHash } from "./PolicyNameHash.ts";

const some = hash(TPM_ALG.SHA256, text("some"));
const objectName = concatBytes(Uint8Array.of(0, 11), hash(TPM_ALG.SHA256, text("object")));
const newParentName = concatBytes(Uint8Array.of(0, 11), hash(TPM_ALG.SHA256, text("parent")));

describe("TPM2_PolicyDuplicationSelect", () => {
  test.each([
    ["one object", 1, [objectName, newParentName, Uint8Array.of(1)]],
    ["any object", 0, [newParentName, Uint8Array.of(0)]],
  ])("the policy is for %s and one new parent", (_name, includeObject, parts) => {
    const tpm = TestTpm.started();
    const session = startPolicy(tpm);
    const input = { policySession: session.handle, objectName, newParentName, includeObject };
    expect(tpm.run(PolicyDuplicationSelect, input).rc).toBe(0);
    expect(digestOf(tpm, session)).toEqual(extended(noPolicy(), TPM_CC.PolicyDuplicationSelect, ...parts));
  });

  test("limits the session to TPM2_Duplicate and to the two Names", () => {
    const tpm = TestTpm.started();
    const { handle: policySession } = startPolicy(tpm);
    tpm.run(PolicyDuplicationSelect, { policySession, objectName, newParentName, includeObject: 1 });
    expect(tpm.run(PolicyCommandCode, { policySession, code: TPM_CC.Duplicate }).rc).toBe(0);
    expect(tpm.run(PolicyCommandCode, { policySession, code: TPM_CC.Create }).text).toBe("TPM_RC_VALUE (parameter 1)");
    const [session] = tpm.tpm.state.ram.sessions.values();
    expect(session?.tiedTo).toEqual(hash(TPM_ALG.SHA256, objectName, newParentName));
  });

  test.each([
    ["a command was chosen", "code", "TPM_RC_COMMAND_CODE"],
    ["a cpHash was set", "cpHash", "TPM_RC_CPHASH"],
    ["a nameHash was set, and a command chosen", "nameHash", "TPM_RC_CPHASH"],
  ])("is refused when %s", (_name, before, outcome) => {
    const tpm = TestTpm.started();
    const { handle: policySession } = startTrial(tpm);
    if (before === "cpHash") tpm.run(PolicyCpHash, { policySession, cpHashA: some });
    if (before === "nameHash") tpm.run(PolicyNameHash, { policySession, nameHash: some });
    if (before !== "cpHash") tpm.run(PolicyCommandCode, { policySession, code: TPM_CC.Duplicate });
    const input = { policySession, objectName, newParentName, includeObject: 1 };
    expect(tpm.run(PolicyDuplicationSelect, input).text).toBe(outcome);
  });
});
