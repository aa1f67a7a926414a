import { type Bytes, EMPTY } from "@vtpm/wire";
import { describe, expect, test } from "vitest";
import { TPM_ALG, TPM_ST } from "../../spec/constants.ts";
import { TPM_RH } from "../../spec/handles.ts";
import { text as bytesOf, hash, hmac } from "../../testing/caller-crypto.ts";
import { TestTpm } from "../../testing/test-tpm.ts";
import { Hash } from "./Hash.ts";

const NO_TICKET = { tag: TPM_ST.HASHCHECK, hierarchy: TPM_RH.NULL, digest: EMPTY };
const GENERATED = Uint8Array.of(0xff, 0x54, 0x43, 0x47);

describe("TPM2_Hash", () => {
  const tpm = TestTpm.started();
  const run = (data: Bytes, hierarchy: number, hashAlg: number = TPM_ALG.SHA256) =>
    tpm.run(Hash, { data, hashAlg, hierarchy }).out;

  test.each(["SHA1", "SHA256", "SHA384", "SHA512"] as const)("hashes with %s", (name) => {
    const data = bytesOf("abc");
    expect(run(data, TPM_RH.NULL, TPM_ALG[name]).outHash).toEqual(hash(TPM_ALG[name], data));
  });

  test.each([
    ["OWNER", "shProof"],
    ["ENDORSEMENT", "ehProof"],
    ["PLATFORM", "phProof"],
  ] as const)("makes a ticket of the %s hierarchy", (name, proof) => {
    const { outHash, validation } = run(bytesOf("abc"), TPM_RH[name]);
    const tagAndAlgorithm = Uint8Array.of(0x80, 0x24, 0x00, 0x0b);
    const digest = hmac(TPM_ALG.SHA512, tpm.tpm.state.nv.persistent[proof], tagAndAlgorithm, outHash);
    expect(validation).toEqual({ tag: TPM_ST.HASHCHECK, hierarchy: TPM_RH[name], digest });
  });

  test("makes no ticket for the NULL hierarchy", () => {
    expect(run(bytesOf("abc"), TPM_RH.NULL).validation).toEqual(NO_TICKET);
  });

  test("makes no ticket for data that starts as the TPM's own", () => {
    expect(run(Uint8Array.of(...GENERATED, 1), TPM_RH.OWNER).validation).toEqual(NO_TICKET);
    expect(run(GENERATED, TPM_RH.OWNER).validation).toEqual(NO_TICKET);
  });

  test("makes a ticket for less data than the TPM's own would be", () => {
    expect(run(GENERATED.slice(0, 3), TPM_RH.OWNER).validation.digest.length).toBe(64);
    expect(run(EMPTY, TPM_RH.OWNER).validation.digest.length).toBe(64);
  });
});
