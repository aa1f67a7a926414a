import { type Bytes, concatBytes, EMPTY, encode, UINT16 } from "@vtpm/wire";
import { describe, expect, test } from "vitest";
import { PolicyTemplate } from "../commands/enhanced-authorization/PolicyTemplate.ts";
import { Create } from "../commands/object/Create.ts";
import { CreateLoaded } from "../commands/object/CreateLoaded.ts";
import { TPM_CC } from "../spec/command-codes.ts";
import { TPM_ALG } from "../spec/constants.ts";
import { hash } from "../testing/caller-crypto.ts";
import { extended, noPolicy } from "../testing/policy-digests.ts";
import { startPolicy } from "../testing/start-session.ts";
import { ECC_STORAGE, primary, withAttributes } from "../testing/templates.ts";
import { TestTpm } from "../testing/test-tpm.ts";

/** Nothing at all, which is what is not there might be taken for. */
const templateHash = hash(TPM_ALG.SHA256, EMPTY);

describe.each([
  ["TPM2_Create", Create],
  ["TPM2_CreateLoaded", CreateLoaded],
] as const)("%s under a policy of one template", (_name, command) => {
  test.each<[name: string, parameters: Bytes]>([
    ["no parameters", EMPTY],
    ["one byte", Uint8Array.of(0)],
    ["a first sized buffer past the end", concatBytes(encode(UINT16, 0xffff), new Uint8Array(40))],
    ["a first sized buffer up to the end", concatBytes(encode(UINT16, 40), new Uint8Array(40))],
    ["one byte behind the first", concatBytes(encode(UINT16, 40), new Uint8Array(41))],
    ["a template past the end", concatBytes(encode(UINT16, 0), encode(UINT16, 0x7fff), new Uint8Array(8))],
    ["a template of a size that only wraps around", concatBytes(encode(UINT16, 0xfffe), encode(UINT16, 0xfffe))],
  ])("refuses %s", (_case, parameters) => {
    const tpm = TestTpm.started();
    const authPolicy = extended(noPolicy(), TPM_CC.PolicyTemplate, templateHash);
    const template = { ...withAttributes(ECC_STORAGE, { userWithAuth: false }), authPolicy };
    const { objectHandle } = primary(tpm, template);
    const session = startPolicy(tpm);
    expect(tpm.run(PolicyTemplate, { policySession: session.handle, templateHash }).rc).toBe(0);
    const answer = tpm.runRaw(command, [objectHandle], parameters, [session]);
    expect(answer.text).toBe("TPM_RC_POLICY_FAIL (session 1)");
    expect(tpm.faults).toEqual([]);
  });
});
