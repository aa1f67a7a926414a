import { fromHex } from "@vtpm/wire";
import { describe, expect, test } from "vitest";
import { TPM_ALG } from "../../spec/constants.ts";
import { TPM_RH } from "../../spec/handles.ts";
import { TestTpm } from "../../testing/test-tpm.ts";
import { Clear } from "../hierarchy/Clear.ts";
import { PCR_Allocate } from "./PCR_Allocate.ts";
import { PCR_Reset } from "./PCR_Reset.ts";
import { PCR_SetAuthPolicy } from "./PCR_SetAuthPolicy.ts";
import { PCR_SetAuthValue } from "./PCR_SetAuthValue.ts";

const { SHA1, SHA256, SHA384, SHA512 } = TPM_ALG;
const authHandle = TPM_RH.PLATFORM;
const allocation = (...banks: readonly (readonly [number, string])[]): object[] =>
  banks.map(([hash, select]) => ({ hash, pcrSelect: fromHex(select) }));
const active = ({ tpm }: TestTpm): object => tpm.state.ram.pcrAllocated;

describe("TPM2_PCR_Allocate", () => {
  test("tells what the banks take, and sets them with the next start", () => {
    const tpm = TestTpm.started();
    const pcrAllocation = allocation([SHA1, "000000"], [SHA512, "030000"]);
    expect(tpm.run(PCR_Allocate, { authHandle, pcrAllocation }).out).toEqual({
      allocationSuccess: 1,
      maxPCR: 24,
      sizeNeeded: 24 * 32 + 24 * 48 + 2 * 64,
      sizeAvailable: 3936,
    });
    expect(active(tpm)).toEqual(
      allocation([SHA1, "ffffff"], [SHA256, "ffffff"], [SHA384, "ffffff"], [SHA512, "ffffff"]),
    );
    tpm.powerOn();
    expect(active(tpm)).toEqual(
      allocation([SHA1, "000000"], [SHA256, "ffffff"], [SHA384, "ffffff"], [SHA512, "030000"]),
    );
  });

  test("starts anew from the banks in force, not from an earlier call", () => {
    const tpm = TestTpm.started();
    tpm.run(PCR_Allocate, { authHandle, pcrAllocation: allocation([SHA1, "000000"]) });
    tpm.run(PCR_Allocate, { authHandle, pcrAllocation: allocation([SHA512, "000000"]) });
    tpm.powerOn();
    expect(active(tpm)).toEqual(
      allocation([SHA1, "ffffff"], [SHA256, "ffffff"], [SHA384, "ffffff"], [SHA512, "000000"]),
    );
  });

  test("is undone by TPM2_Clear", () => {
    const tpm = TestTpm.started();
    tpm.run(PCR_Allocate, { authHandle, pcrAllocation: allocation([SHA1, "000000"]) });
    expect(tpm.run(Clear, { authHandle }).rc).toBe(0);
    tpm.powerOn();
    expect(active(tpm)).toEqual(
      allocation([SHA1, "ffffff"], [SHA256, "ffffff"], [SHA384, "ffffff"], [SHA512, "ffffff"]),
    );
  });

  test.each([
    ["PCR 0", "feffff"],
    ["PCR 17", "fffffd"],
  ])("refuses banks of which none has %s", (_name, select) => {
    const pcrAllocation = allocation([SHA1, select], [SHA256, select], [SHA384, select], [SHA512, select]);
    expect(TestTpm.started().run(PCR_Allocate, { authHandle, pcrAllocation }).text).toBe("TPM_RC_PCR");
  });
});

describe("TPM2_PCR_Reset", () => {
  // The localities that may reset, of PCRs of each kind; a D-RTM's own locality never does it by command.
  test.each([
    [0, []],
    [15, []],
    [16, [0, 1, 2, 3]],
    [17, []],
    [19, []],
    [20, [2, 3]],
    [21, [2, 3]],
    [22, [2, 3]],
    [23, [0, 1, 2, 3]],
  ])("allows PCR %d from localities %j", (pcrHandle, localities: readonly number[]) => {
    const tpm = TestTpm.started();
    for (const locality of [0, 1, 2, 3, 4, 32]) {
      tpm.locality = locality;
      const text = localities.includes(locality) ? "TPM_RC_SUCCESS" : "TPM_RC_LOCALITY";
      expect([locality, tpm.run(PCR_Reset, { pcrHandle }).text]).toEqual([locality, text]);
    }
  });

  test("sets the PCR to zero in all banks and counts one change", () => {
    const tpm = TestTpm.started();
    const before = tpm.tpm.state.ram.stateReset.pcrCounter;
    tpm.locality = 3;
    expect(tpm.run(PCR_Reset, { pcrHandle: 20 }).rc).toBe(0);
    for (const values of tpm.tpm.state.ram.pcrs.values()) expect(values[20]?.every((byte) => byte === 0)).toBe(true);
    expect(tpm.tpm.state.ram.stateReset.pcrCounter).toBe(before + 1);
  });
});

describe("PCRs have no authorization of their own:", () => {
  test.each([
    ["a policy for no group", new Uint8Array(32), SHA256, "TPM_RC_VALUE (parameter 3)"],
    ["a policy of the wrong size first", new Uint8Array(20), SHA256, "TPM_RC_SIZE (parameter 1)"],
    ["no policy, with a digest", new Uint8Array(20), TPM_ALG.NULL, "TPM_RC_SIZE (parameter 1)"],
    ["no policy", new Uint8Array(0), TPM_ALG.NULL, "TPM_RC_VALUE (parameter 3)"],
  ])("TPM2_PCR_SetAuthPolicy refuses %s", (_name, authPolicy, hashAlg, text) => {
    const input = { authHandle, authPolicy, hashAlg, pcrNum: 20 };
    expect(TestTpm.started().run(PCR_SetAuthPolicy, input).text).toBe(text);
  });

  test("TPM2_PCR_SetAuthValue refuses all PCRs", () => {
    const input = { pcrHandle: 20, auth: new Uint8Array(4) };
    expect(TestTpm.started().run(PCR_SetAuthValue, input).text).toBe("TPM_RC_VALUE");
  });
});
