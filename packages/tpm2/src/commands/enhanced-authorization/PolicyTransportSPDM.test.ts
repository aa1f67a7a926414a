import { type Bytes, concatBytes, EMPTY, encode, UINT16 } from "@vtpm/wire";
import { describe, expect, test } from "vitest";
import { LATEST } from "../../profile.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_ALG } from "../../spec/constants.ts";
import { hash } from "../../testing/caller-crypto.ts";
import { digestOf, extended, noPolicy } from "../../testing/policy-digests.ts";
import { givenProtected, readProtected } from "../../testing/protected-index.ts";
import { startPolicy } from "../../testing/start-session.ts";
import { TestTpm } from "../../testing/test-tpm.ts";
import { PolicyRestart } from "../session/PolicyRestart.ts";
import { PolicyTransportSPDM } from "./PolicyTransportSPDM.ts";

const nameOf = (hashAlg: number, size: number): Bytes => concatBytes(encode(UINT16, hashAlg), new Uint8Array(size));
const NAME = nameOf(TPM_ALG.SHA256, 32);
const sized = (name: Bytes): Bytes => concatBytes(encode(UINT16, name.length), name);

describe("TPM2_PolicyTransportSPDM", () => {
  const run = (tpm: TestTpm, policySession: number, reqKeyName = EMPTY, tpmKeyName = EMPTY): string =>
    tpm.run(PolicyTransportSPDM, { policySession, reqKeyName, tpmKeyName }).text;

  test.each<[name: string, reqKeyName: Bytes, tpmKeyName: Bytes]>([
    ["any keys", EMPTY, EMPTY],
    ["the other side's key", NAME, EMPTY],
    ["both keys", NAME, nameOf(TPM_ALG.SHA3_384, 48)],
  ])("demands a channel between %s", (_name, reqKeyName, tpmKeyName) => {
    const tpm = TestTpm.started({ profile: LATEST });
    const session = startPolicy(tpm);
    expect(run(tpm, session.handle, reqKeyName, tpmKeyName)).toBe("TPM_RC_SUCCESS");
    const isAny = reqKeyName.length + tpmKeyName.length === 0;
    const keys = isAny ? EMPTY : hash(TPM_ALG.SHA256, sized(reqKeyName), sized(tpmKeyName));
    const digest = extended(noPolicy(), TPM_CC.PolicyTransportSPDM, keys);
    expect(digestOf(tpm, session)).toEqual(digest);
    const nvIndex = givenProtected(tpm, digest);
    expect(readProtected(tpm, nvIndex, session)).toBe("TPM_RC_CHANNEL (session 1)");
  });

  test("is not to be sent twice", () => {
    const tpm = TestTpm.started({ profile: LATEST });
    const { handle } = startPolicy(tpm);
    run(tpm, handle);
    expect(run(tpm, handle, Uint8Array.of(1))).toBe("TPM_RC_VALUE");
    tpm.run(PolicyRestart, { sessionHandle: handle });
    expect(run(tpm, handle)).toBe("TPM_RC_SUCCESS");
  });

  test.each<[name: string, bytes: Bytes, rc: string]>([
    ["is too short for a Name", Uint8Array.of(0), "SIZE"],
    ["has an algorithm that is none", nameOf(TPM_ALG.NULL, 0), "HASH"],
    ["has an algorithm that the TPM lacks", nameOf(TPM_ALG.SM3_256, 32), "HASH"],
    ["is longer than its digest", nameOf(TPM_ALG.SHA1, 21), "SIZE"],
  ])("refuses what %s", (_name, bytes, rc) => {
    const tpm = TestTpm.started({ profile: LATEST });
    const { handle } = startPolicy(tpm);
    expect(run(tpm, handle, bytes, bytes)).toBe(`TPM_RC_${rc} (parameter 1)`);
    expect(run(tpm, handle, NAME, bytes)).toBe(`TPM_RC_${rc} (parameter 2)`);
  });
});
