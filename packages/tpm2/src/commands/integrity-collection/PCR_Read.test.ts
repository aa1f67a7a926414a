import { fromHex, toHex } from "@vtpm/wire";
import { expect, test } from "vitest";
import { TPM_ALG } from "../../spec/constants.ts";
import { TPM_RH } from "../../spec/handles.ts";
import { TestTpm } from "../../testing/test-tpm.ts";
import { PCR_Allocate } from "./PCR_Allocate.ts";
import { PCR_Read } from "./PCR_Read.ts";

const { SHA1, SHA256, SHA512 } = TPM_ALG;
type Selection = readonly (readonly [hash: number, select: string])[];
const selection = (banks: Selection): object[] => banks.map(([hash, select]) => ({ hash, pcrSelect: fromHex(select) }));

test.each<[name: string, asked: Selection, told: Selection, count: number]>([
  ["one PCR", [[SHA256, "000002"]], [[SHA256, "000002"]], 1],
  ["nothing", [], [], 0],
  ["the first eight of a bank", [[SHA256, "ffffff"]], [[SHA256, "ff0000"]], 8],
  [
    "eight from two banks, and none of a third",
    [
      [SHA1, "3f0000"],
      [SHA256, "ffffff"],
      [SHA512, "010000"],
    ],
    [
      [SHA1, "3f0000"],
      [SHA256, "030000"],
      [SHA512, "000000"],
    ],
    8,
  ],
  [
    "a bank twice",
    [
      [SHA256, "010000"],
      [SHA256, "010000"],
    ],
    [
      [SHA256, "010000"],
      [SHA256, "010000"],
    ],
    2,
  ],
])("TPM2_PCR_Read of %s", (_name, asked, told, count) => {
  const { out } = TestTpm.started().run(PCR_Read, { pcrSelectionIn: selection(asked) });
  expect(out.pcrSelectionOut).toEqual(selection(told));
  expect(out.pcrValues).toHaveLength(count);
  expect(out.pcrUpdateCounter).toBe(20);
});

test("TPM2_PCR_Read leaves out PCRs that are not allocated", () => {
  const tpm = TestTpm.started();
  const pcrAllocation = selection([[SHA1, "010002"]]);
  expect(tpm.run(PCR_Allocate, { authHandle: TPM_RH.PLATFORM, pcrAllocation }).rc).toBe(0);
  tpm.powerOn();
  const { out } = tpm.run(PCR_Read, { pcrSelectionIn: selection([[SHA1, "ffffff"]]) });
  expect(out.pcrSelectionOut).toEqual(selection([[SHA1, "010002"]]));
  expect(out.pcrValues.map(toHex)).toEqual(["00".repeat(20), "ff".repeat(20)]);
});

test.each([
  ["a hash that the TPM lacks", "00000001 0012 03 000000", "TPM_RC_HASH (parameter 1)"],
  ["a bit map that is too short", "00000001 000b 02 0000", "TPM_RC_VALUE (parameter 1)"],
  ["a bit map that is too long", "00000001 000b 04 00000000", "TPM_RC_VALUE (parameter 1)"],
  ["more banks than there are", `00000005 ${"000b 03 000000".repeat(5)}`, "TPM_RC_SIZE (parameter 1)"],
])("TPM2_PCR_Read refuses %s", (_name, parameters, text) => {
  expect(TestTpm.started().runRaw(PCR_Read, [], fromHex(parameters)).text).toBe(text);
});
