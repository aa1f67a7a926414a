import { describe, expect, test } from "vitest";
import { TPMA_NV } from "../../spec/attributes.ts";
import { TPM_NT, TPM_SU } from "../../spec/constants.ts";
import { TPM_RH } from "../../spec/handles.ts";
import { givenDefined } from "../../testing/defined-index.ts";
import { type GivenIndex, givenIndex, givenStateClear } from "../../testing/given.ts";
import { TestTpm } from "../../testing/test-tpm.ts";
import { Shutdown } from "../start-up/Shutdown.ts";
import { NV_Read } from "./NV_Read.ts";
import { NV_Write } from "./NV_Write.ts";

const OK = "TPM_RC_SUCCESS";
const write = (tpm: TestTpm, nvIndex: number, data: Uint8Array, offset: number, authHandle = nvIndex): string =>
  tpm.run(NV_Write, { authHandle, nvIndex, data, offset }).text;
const read = (tpm: TestTpm, nvIndex: number, size: number, offset = 0, authHandle = nvIndex): string | Uint8Array => {
  const answer = tpm.run(NV_Read, { authHandle, nvIndex, size, offset });
  return answer.rc === 0 ? answer.out.data : answer.text;
};
const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);

describe("TPM2_NV_Write and TPM2_NV_Read", () => {
  test("write and read a part of an Index", () => {
    const tpm = TestTpm.started();
    const nvIndex = givenIndex(tpm, { data: new Uint8Array(8) });
    expect(write(tpm, nvIndex, bytes(1, 2, 3), 4)).toBe(OK);
    expect(read(tpm, nvIndex, 8)).toEqual(bytes(0, 0, 0, 0, 1, 2, 3, 0));
    expect(read(tpm, nvIndex, 2, 5)).toEqual(bytes(2, 3));
    expect(read(tpm, nvIndex, 0, 8)).toEqual(bytes());
  });

  test.each([
    ["an ordinary Index with ones", {}, bytes(0xff, 1, 0xff, 0xff)],
    ["an orderly one with zeros", { ORDERLY: true }, bytes(0, 1, 0, 0)],
  ])("fill what the first write leaves out: %s", (_name, attributes, content) => {
    const tpm = TestTpm.started();
    const nvIndex = givenDefined(tpm, { attributes, dataSize: 4 });
    expect(read(tpm, nvIndex, 1)).toBe("TPM_RC_NV_UNINITIALIZED");
    expect(write(tpm, nvIndex, bytes(1), 1)).toBe(OK);
    expect(read(tpm, nvIndex, 4)).toEqual(content);
  });

  test("change the Name with the first write, and nothing durable with an equal second one", () => {
    const tpm = TestTpm.started();
    const nvIndex = givenDefined(tpm, { dataSize: 4 });
    const name = tpm.nameOf(nvIndex);
    write(tpm, nvIndex, bytes(1, 2, 3, 4), 0);
    expect(tpm.nameOf(nvIndex)).not.toEqual(name);
    const before = tpm.tpm.state.nv;
    write(tpm, nvIndex, bytes(1, 2, 3, 4), 0);
    expect(tpm.tpm.state.nv).toBe(before);
  });

  test("leave an orderly Index in RAM until the TPM is shut down", () => {
    const tpm = TestTpm.started();
    const nvIndex = givenDefined(tpm, { attributes: { ORDERLY: true }, dataSize: 2 });
    const { indices, orderlyIndices } = tpm.tpm.state.nv;
    expect(write(tpm, nvIndex, bytes(5, 6), 0)).toBe(OK);
    expect(tpm.tpm.state.nv.indices).toBe(indices);
    expect(tpm.tpm.state.nv.orderlyIndices).toBe(orderlyIndices);
    tpm.run(Shutdown, { shutdownType: TPM_SU.STATE });
    tpm.powerOn(TPM_SU.STATE);
    expect(read(tpm, nvIndex, 2)).toEqual(bytes(5, 6));
    tpm.powerOn();
    expect(read(tpm, nvIndex, 2)).toBe("TPM_RC_NV_UNINITIALIZED");
  });

  test.each<
    [name: string, index: GivenIndex, data: Uint8Array, offset: number, authHandle: number | undefined, text: string]
  >([
    [
      "one that is locked, whoever asks",
      { attributes: { WRITELOCKED: true } },
      bytes(1),
      9,
      TPM_RH.OWNER,
      "TPM_RC_NV_LOCKED",
    ],
    ["the owner without OWNERWRITE", {}, bytes(1), 9, TPM_RH.OWNER, "TPM_RC_NV_AUTHORIZATION"],
    ["the platform without PPWRITE", {}, bytes(1), 9, TPM_RH.PLATFORM, "TPM_RC_NV_AUTHORIZATION"],
    ["a counter", { attributes: { TPM_NT: TPM_NT.COUNTER } }, bytes(1), 9, undefined, "TPM_RC_ATTRIBUTES"],
    ["a bit field", { attributes: { TPM_NT: TPM_NT.BITS } }, bytes(1), 9, undefined, "TPM_RC_ATTRIBUTES"],
    ["an extend Index", { attributes: { TPM_NT: TPM_NT.EXTEND } }, bytes(1), 9, undefined, "TPM_RC_ATTRIBUTES"],
    ["a start past the end", {}, bytes(1), 9, undefined, "TPM_RC_VALUE (parameter 2)"],
    ["an end past the end", {}, bytes(1), 8, undefined, "TPM_RC_NV_RANGE"],
    [
      "a part of what is written as a whole",
      { attributes: { WRITEALL: true } },
      bytes(1),
      0,
      undefined,
      "TPM_RC_NV_RANGE",
    ],
    ["more than fits a command", {}, new Uint8Array(1025), 0, undefined, "TPM_RC_SIZE (parameter 1)"],
  ])("refuse to write %s", (_name, index, data, offset, authHandle, text) => {
    const tpm = TestTpm.started();
    const nvIndex = givenIndex(tpm, index);
    expect(write(tpm, nvIndex, data, offset, authHandle)).toBe(text);
  });

  test.each<
    [name: string, index: GivenIndex, size: number, offset: number, authHandle: number | undefined, text: string]
  >([
    [
      "one that is locked, whoever asks",
      { attributes: { READLOCKED: true } },
      2000,
      9,
      TPM_RH.OWNER,
      "TPM_RC_NV_LOCKED",
    ],
    [
      "the owner without OWNERREAD",
      { attributes: { WRITTEN: false } },
      2000,
      9,
      TPM_RH.OWNER,
      "TPM_RC_NV_AUTHORIZATION",
    ],
    [
      "the platform without PPREAD",
      { attributes: { WRITTEN: false } },
      2000,
      9,
      TPM_RH.PLATFORM,
      "TPM_RC_NV_AUTHORIZATION",
    ],
    ["what was not written", { attributes: { WRITTEN: false } }, 2000, 9, undefined, "TPM_RC_NV_UNINITIALIZED"],
    ["more than fits a response", {}, 1025, 9, undefined, "TPM_RC_VALUE (parameter 1)"],
    ["a start past the end", {}, 1, 9, undefined, "TPM_RC_VALUE (parameter 2)"],
    ["an end past the end", {}, 1, 8, undefined, "TPM_RC_NV_RANGE"],
  ])("refuse to read %s", (_name, index, size, offset, authHandle, text) => {
    const tpm = TestTpm.started();
    const nvIndex = givenIndex(tpm, index);
    expect(read(tpm, nvIndex, size, offset, authHandle)).toBe(text);
  });

  test.each([
    ["the owner's Index while the owner is disabled", {}, { shEnable: 0 as const }],
    ["the platform's Index while these are disabled", { PLATFORMCREATE: true }, { phEnableNV: 0 as const }],
  ])("do not find %s", (_name, attributes, disabled) => {
    const tpm = TestTpm.started();
    const nvIndex = givenIndex(tpm, { attributes });
    givenStateClear(tpm, disabled);
    expect(read(tpm, nvIndex, 1)).toBe("TPM_RC_HANDLE (handle 1)");
  });

  test("need AUTHWRITE to write and AUTHREAD to read with the authValue of the Index", () => {
    const tpm = TestTpm.started();
    const nvIndex = givenIndex(tpm, { attributes: { AUTHWRITE: false } });
    expect(write(tpm, nvIndex, bytes(1), 0)).toBe("TPM_RC_AUTH_UNAVAILABLE");
    expect(read(tpm, nvIndex, 1)).toEqual(bytes(0));
    const other = givenIndex(tpm, { nvIndex: 0x0180_0002, attributes: { AUTHREAD: false } });
    expect(read(tpm, other, 1)).toBe("TPM_RC_AUTH_UNAVAILABLE");
    expect(write(tpm, other, bytes(1), 0)).toBe(OK);
  });
});

describe("PIN Indices", () => {
  const pin = bytes(0x31, 0x32);
  const counted = (tpm: TestTpm, nvIndex: number, password: string): string =>
    tpm.run(NV_Read, { authHandle: nvIndex, nvIndex, size: 8, offset: 0 }, [password]).text;
  const countOf = ({ tpm }: TestTpm, nvIndex: number): number | undefined => tpm.state.nv.indices.get(nvIndex)?.data[3];

  test("of type PIN Fail count failures in a row, forget them with a success, and close at the limit", () => {
    const tpm = TestTpm.started();
    const attributes = { TPM_NT: TPM_NT.PIN_FAIL, AUTHWRITE: false, NO_DA: true };
    const nvIndex = givenIndex(tpm, { attributes, authValue: pin, data: bytes(0, 0, 0, 0, 0, 0, 0, 2) });
    expect(counted(tpm, nvIndex, "99")).toBe("TPM_RC_BAD_AUTH (session 1)");
    expect(countOf(tpm, nvIndex)).toBe(1);
    expect(counted(tpm, nvIndex, "12")).toBe(OK);
    expect(countOf(tpm, nvIndex)).toBe(0);
    for (let i = 0; i < 2; i++) counted(tpm, nvIndex, "99");
    expect(counted(tpm, nvIndex, "12")).toBe("TPM_RC_AUTH_UNAVAILABLE");
    expect(countOf(tpm, nvIndex)).toBe(2);
  });

  test("of type PIN Pass count successes, and close at the limit", () => {
    const tpm = TestTpm.started();
    const attributes = { TPM_NT: TPM_NT.PIN_PASS, AUTHWRITE: false, NO_DA: true };
    const nvIndex = givenIndex(tpm, { attributes, authValue: pin, data: bytes(0, 0, 0, 0, 0, 0, 0, 2) });
    expect(counted(tpm, nvIndex, "99")).toBe("TPM_RC_BAD_AUTH (session 1)");
    expect(countOf(tpm, nvIndex)).toBe(0);
    for (const count of [1, 2]) {
      expect(counted(tpm, nvIndex, "12")).toBe(OK);
      expect(countOf(tpm, nvIndex)).toBe(count);
    }
    expect(counted(tpm, nvIndex, "12")).toBe("TPM_RC_AUTH_UNAVAILABLE");
  });

  test("cannot be used before a limit is written", () => {
    const tpm = TestTpm.started();
    const nvIndex = givenIndex(tpm, { attributes: { TPM_NT: TPM_NT.PIN_PASS, WRITTEN: false }, authValue: pin });
    expect(counted(tpm, nvIndex, "12")).toBe("TPM_RC_AUTH_UNAVAILABLE");
    expect(TPMA_NV.has(tpm.tpm.state.nv.indices.get(nvIndex)?.publicArea.attributes ?? 0, "WRITTEN")).toBe(false);
  });
});
