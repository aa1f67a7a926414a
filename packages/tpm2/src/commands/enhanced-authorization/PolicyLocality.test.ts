import { describe, expect, test } from "vitest";
import { TPM_CC } from "../../spec/command-codes.ts";
import { digestOf, extended, noPolicy } from "../../testing/policy-digests.ts";
import { givenProtected, readProtected } from "../../testing/protected-index.ts";
import { startPolicy } from "../../testing/start-session.ts";
import { TestTpm } from "../../testing/test-tpm.ts";
import { PolicyLocality } from "./PolicyLocality.ts";

const policyOf = (...localities: readonly number[]) =>
  localities.reduce((digest, locality) => extended(digest, TPM_CC.PolicyLocality, Uint8Array.of(locality)), noPolicy());

describe("TPM2_PolicyLocality", () => {
  test.each<[name: string, localities: readonly number[], text: string]>([
    ["no locality at all", [0], "TPM_RC_RANGE (parameter 1)"],
    ["one set", [0x03], "TPM_RC_SUCCESS"],
    ["two sets with something in common", [0x03, 0x06], "TPM_RC_SUCCESS"],
    ["two sets with nothing in common", [0x03, 0x04], "TPM_RC_RANGE (parameter 1)"],
    ["the same single locality twice", [40, 40], "TPM_RC_SUCCESS"],
    ["two single localities", [40, 41], "TPM_RC_RANGE (parameter 1)"],
    ["a set and a single locality", [0x1f, 32], "TPM_RC_RANGE (parameter 1)"],
    ["a single locality and a set", [0xff, 0x1f], "TPM_RC_RANGE (parameter 1)"],
  ])("%s", (_name, localities, text) => {
    const tpm = TestTpm.started();
    const session = startPolicy(tpm);
    const answers = localities.map((locality) => tpm.run(PolicyLocality, { policySession: session.handle, locality }));
    expect(answers.at(-1)?.text).toBe(text);
    if (text === "TPM_RC_SUCCESS") expect(digestOf(tpm, session)).toEqual(policyOf(...localities));
  });

  test.each<[allowed: readonly number[], locality: number, text: string]>([
    [[0x09], 0, "TPM_RC_SUCCESS"],
    [[0x09], 1, "TPM_RC_LOCALITY"],
    [[0x09], 3, "TPM_RC_SUCCESS"],
    [[0x09], 40, "TPM_RC_LOCALITY"],
    [[0x0f, 0x18], 3, "TPM_RC_SUCCESS"],
    [[0x0f, 0x18], 4, "TPM_RC_LOCALITY"],
    [[40], 40, "TPM_RC_SUCCESS"],
    [[40], 41, "TPM_RC_LOCALITY"],
    [[40], 3, "TPM_RC_LOCALITY"],
    [[0x21], 0, "TPM_RC_LOCALITY"],
    [[0x1f], 20, "TPM_RC_LOCALITY"],
  ])("a policy of %j at locality %i: %s", (allowed, locality, text) => {
    const tpm = TestTpm.started();
    const nvIndex = givenProtected(tpm, policyOf(...allowed));
    const session = startPolicy(tpm);
    for (const each of allowed) tpm.run(PolicyLocality, { policySession: session.handle, locality: each });
    tpm.locality = locality;
    expect(readProtected(tpm, nvIndex, session)).toBe(text);
  });
});
