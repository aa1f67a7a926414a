import { fromHex } from "@vtpm/wire";
import { describe, expect, test } from "vitest";
import { GetCapability } from "../commands/capability/GetCapability.ts";
import { Clear } from "../commands/hierarchy/Clear.ts";
import { PCR_Allocate } from "../commands/integrity-collection/PCR_Allocate.ts";
import { PCR_Event } from "../commands/integrity-collection/PCR_Event.ts";
import { PCR_Extend } from "../commands/integrity-collection/PCR_Extend.ts";
import { PCR_Read } from "../commands/integrity-collection/PCR_Read.ts";
import { Shutdown } from "../commands/start-up/Shutdown.ts";
import { LATEST } from "../profile.ts";
import { TPM_ALG, TPM_CAP, TPM_SU } from "../spec/constants.ts";
import { TPM_RH } from "../spec/handles.ts";
import { text } from "../testing/caller-crypto.ts";
import { TestTpm } from "../testing/test-tpm.ts";

const { SHA1, SHA256, SHA384, SHA512, SHA3_256, SHA3_384, SHA3_512 } = TPM_ALG;
const authHandle = TPM_RH.PLATFORM;
const allocation = (...banks: readonly (readonly [number, string])[]): object[] =>
  banks.map(([hash, select]) => ({ hash, pcrSelect: fromHex(select) }));
const banksOf = (tpm: TestTpm): unknown =>
  tpm.run(GetCapability, { capability: TPM_CAP.PCRS, property: 0, propertyCount: 1 }).out.capabilityData.data;
const pcr = (tpm: TestTpm, hash: number, select: string): unknown[] =>
  tpm.run(PCR_Read, { pcrSelectionIn: allocation([hash, select]) }).out.pcrValues;
const zero = (size: number) => new Uint8Array(size);

/** A TPM whose SHA3-256 bank has all PCRs. */
function withBank(): TestTpm {
  const tpm = TestTpm.started({ profile: LATEST });
  tpm.run(PCR_Allocate, { authHandle, pcrAllocation: allocation([SHA3_256, "ffffff"]) });
  tpm.powerOn();
  return tpm;
}

describe("PCR banks of SHA-3", () => {
  test("are there without PCRs until TPM2_PCR_Allocate gives them some", () => {
    const tpm = TestTpm.started({ profile: LATEST });
    const usual = [SHA1, SHA256, SHA384, SHA512].map((hash) => [hash, "ffffff"] as const);
    expect(banksOf(tpm)).toEqual(
      allocation(...usual, [SHA3_256, "000000"], [SHA3_384, "000000"], [SHA3_512, "000000"]),
    );
    expect(pcr(tpm, SHA3_256, "010000")).toEqual([]);
    expect(tpm.run(PCR_Allocate, { authHandle, pcrAllocation: allocation([SHA3_384, "ffffff"]) }).out).toEqual({
      allocationSuccess: 1,
      maxPCR: 24,
      sizeNeeded: 24 * (20 + 32 + 48 + 64 + 48),
      sizeAvailable: 24 * (20 + 32 + 48 + 64 + 32 + 48 + 64),
    });
    tpm.powerOn();
    expect(banksOf(tpm)).toEqual(
      allocation(...usual, [SHA3_384, "ffffff"], [SHA3_256, "000000"], [SHA3_512, "000000"]),
    );
    expect(pcr(tpm, SHA3_384, "010002")).toEqual([zero(48), zero(48).fill(0xff)]);
  });

  test("may be the only ones", () => {
    const tpm = TestTpm.started({ profile: LATEST });
    const none = [SHA1, SHA256, SHA384, SHA512].map((hash) => [hash, "000000"] as const);
    tpm.run(PCR_Allocate, { authHandle, pcrAllocation: allocation(...none, [SHA3_256, "ffffff"]) });
    tpm.powerOn();
    expect(pcr(tpm, SHA256, "010000")).toEqual([]);
    expect(pcr(tpm, SHA3_256, "010000")).toEqual([zero(32)]);
    const tooFew = tpm.run(PCR_Allocate, { authHandle, pcrAllocation: allocation([SHA3_256, "000000"]) });
    expect(tooFew.text).toBe("TPM_RC_PCR");
  });

  test("are extended, and measured into by events", () => {
    const tpm = withBank();
    const digest = zero(32).fill(7);
    const digests = [{ hashAlg: SHA3_256, digest }];
    expect(tpm.run(PCR_Extend, { pcrHandle: 16, digests }).text).toBe("TPM_RC_SUCCESS");
    const { crypto } = tpm.platform;
    const extended = crypto.hash("SHA3_256", zero(32), digest);
    expect(pcr(tpm, SHA3_256, "000001")).toEqual([extended]);
    const { digests: measured } = tpm.run(PCR_Event, { pcrHandle: 16, eventData: text("abc") }).out;
    expect(measured.map(({ hashAlg }: { hashAlg: number }) => hashAlg)).toEqual([...LATEST.pcrBanks]);
    const event = crypto.hash("SHA3_256", text("abc"));
    expect(pcr(tpm, SHA3_256, "000001")).toEqual([crypto.hash("SHA3_256", extended, event)]);
  });

  test("are measured into by a D-RTM", () => {
    const tpm = withBank();
    tpm.tpm.hashStart();
    tpm.tpm.hashData(text("abc"));
    tpm.tpm.hashEnd();
    const { crypto } = tpm.platform;
    const event = crypto.hash("SHA3_256", text("abc"));
    expect(pcr(tpm, SHA3_256, "000002")).toEqual([crypto.hash("SHA3_256", zero(32), event)]);
  });

  test("are kept by Shutdown(STATE)", () => {
    const tpm = withBank();
    tpm.run(PCR_Event, { pcrHandle: 5, eventData: text("abc") });
    const before = pcr(tpm, SHA3_256, "200000");
    tpm.run(Shutdown, { shutdownType: TPM_SU.STATE });
    tpm.powerOn(TPM_SU.STATE);
    expect(pcr(tpm, SHA3_256, "200000")).toEqual(before);
    expect(before).not.toEqual([zero(32)]);
  });

  test("stay as they are when TPM2_Clear takes back what would come", () => {
    const tpm = withBank();
    tpm.run(PCR_Allocate, { authHandle, pcrAllocation: allocation([SHA3_256, "000000"], [SHA3_512, "ffffff"]) });
    expect(tpm.run(Clear, { authHandle }).rc).toBe(0);
    tpm.powerOn();
    expect(pcr(tpm, SHA3_256, "010000")).toEqual([zero(32)]);
    expect(pcr(tpm, SHA3_512, "010000")).toEqual([]);
  });
});
