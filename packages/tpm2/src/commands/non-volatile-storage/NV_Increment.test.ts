import { decode, UINT64 } from "@vtpm/wire";
import { describe, expect, test } from "vitest";
import { TPM_ALG, TPM_NT, TPM_SU } from "../../spec/constants.ts";
import { TPM_RH } from "../../spec/handles.ts";
import { hash } from "../../testing/caller-crypto.ts";
import { givenDefined } from "../../testing/defined-index.ts";
import { givenIndex } from "../../testing/given.ts";
import { TestTpm } from "../../testing/test-tpm.ts";
import { Clear } from "../hierarchy/Clear.ts";
import { Shutdown } from "../start-up/Shutdown.ts";
import { NV_Extend } from "./NV_Extend.ts";
import { NV_Increment } from "./NV_Increment.ts";
import { NV_Read } from "./NV_Read.ts";
import { NV_SetBits } from "./NV_SetBits.ts";
import { NV_UndefineSpace } from "./NV_UndefineSpace.ts";

const OK = "TPM_RC_SUCCESS";
const counter = { TPM_NT: TPM_NT.COUNTER, NO_DA: true } as const;
const increment = (tpm: TestTpm, nvIndex: number): string =>
  tpm.run(NV_Increment, { authHandle: nvIndex, nvIndex }).text;
function count(tpm: TestTpm, nvIndex: number): bigint {
  return decode(UINT64, tpm.run(NV_Read, { authHandle: nvIndex, nvIndex, size: 8, offset: 0 }).out.data);
}

describe("TPM2_NV_Increment", () => {
  test("counts from one in a new TPM", () => {
    const tpm = TestTpm.started();
    const nvIndex = givenDefined(tpm, { attributes: counter });
    for (const value of [1n, 2n, 3n]) {
      expect(increment(tpm, nvIndex)).toBe(OK);
      expect(count(tpm, nvIndex)).toBe(value);
    }
  });

  test("goes on behind the largest counter that was ever deleted, whatever others exist", () => {
    const tpm = TestTpm.started();
    const first = givenDefined(tpm, { attributes: counter, nvIndex: 0x0150_0001 });
    for (let i = 0; i < 5; i++) increment(tpm, first);
    const second = givenDefined(tpm, { attributes: counter, nvIndex: 0x0150_0002 });
    increment(tpm, second);
    expect(count(tpm, second)).toBe(1n);
    expect(tpm.run(NV_UndefineSpace, { authHandle: TPM_RH.OWNER, nvIndex: first }).text).toBe(OK);
    const third = givenDefined(tpm, { attributes: counter, nvIndex: 0x0150_0003 });
    increment(tpm, third);
    expect(count(tpm, third)).toBe(6n);
  });

  test("goes on behind counters that TPM2_Clear has deleted, but for orderly ones", () => {
    for (const [ORDERLY, value] of [
      [false, 4n],
      [true, 1n],
    ] as const) {
      const tpm = TestTpm.started();
      const nvIndex = givenDefined(tpm, { attributes: { ...counter, ORDERLY } });
      for (let i = 0; i < 3; i++) increment(tpm, nvIndex);
      expect(tpm.run(Clear, { authHandle: TPM_RH.PLATFORM }).text).toBe(OK);
      givenDefined(tpm, { attributes: counter });
      increment(tpm, nvIndex);
      expect(count(tpm, nvIndex)).toBe(value);
    }
  });

  test("of an orderly counter reaches NV with the first and every 256th count, and jumps after a power cut", () => {
    const tpm = TestTpm.started();
    const nvIndex = givenDefined(tpm, { attributes: { ...counter, ORDERLY: true } });
    const stored = (): number | undefined => tpm.tpm.state.nv.orderlyIndices.get(nvIndex)?.data[7];
    increment(tpm, nvIndex);
    expect(stored()).toBe(1);
    for (let i = 2; i <= 255; i++) increment(tpm, nvIndex);
    expect(stored()).toBe(1);
    tpm.powerOn();
    expect(count(tpm, nvIndex)).toBe(255n);
    increment(tpm, nvIndex);
    expect(stored()).toBe(0);
    expect(tpm.tpm.state.nv.orderlyIndices.get(nvIndex)?.data[6]).toBe(1);
    increment(tpm, nvIndex);
    tpm.powerOn();
    expect(count(tpm, nvIndex)).toBe(511n);
    tpm.run(Shutdown, { shutdownType: TPM_SU.CLEAR });
    tpm.powerOn();
    expect(count(tpm, nvIndex)).toBe(511n);
  });
});

describe("TPM2_NV_SetBits", () => {
  test("sets bits and never clears one", () => {
    const tpm = TestTpm.started();
    const nvIndex = givenDefined(tpm, { attributes: { TPM_NT: TPM_NT.BITS } });
    const set = (bits: bigint): string => tpm.run(NV_SetBits, { authHandle: nvIndex, nvIndex, bits }).text;
    expect(set(0n)).toBe(OK);
    expect(count(tpm, nvIndex)).toBe(0n);
    expect(set(0x8000_0000_0000_0001n)).toBe(OK);
    expect(set(0x6n)).toBe(OK);
    expect(count(tpm, nvIndex)).toBe(0x8000_0000_0000_0007n);
  });
});

describe("TPM2_NV_Extend", () => {
  test("extends as a PCR of the nameAlg, from zero", () => {
    const tpm = TestTpm.started();
    const nvIndex = givenDefined(tpm, { attributes: { TPM_NT: TPM_NT.EXTEND }, dataSize: 32 });
    const data = Uint8Array.of(1, 2, 3);
    let value: Uint8Array = new Uint8Array(32);
    for (let i = 0; i < 2; i++) {
      expect(tpm.run(NV_Extend, { authHandle: nvIndex, nvIndex, data }).text).toBe(OK);
      value = hash(TPM_ALG.SHA256, value, data);
      expect(tpm.run(NV_Read, { authHandle: nvIndex, nvIndex, size: 32, offset: 0 }).out.data).toEqual(value);
    }
  });
});

const commands = [
  ["TPM2_NV_Increment", NV_Increment, {}, TPM_NT.COUNTER],
  ["TPM2_NV_SetBits", NV_SetBits, { bits: 1n }, TPM_NT.BITS],
  ["TPM2_NV_Extend", NV_Extend, { data: new Uint8Array(1) }, TPM_NT.EXTEND],
] as const;

describe.each(commands)("%s refuses", (_name, command, input, type) => {
  test.each([
    ["an Index that is locked, whoever asks", { WRITELOCKED: true, TPM_NT: 0 }, TPM_RH.OWNER, "TPM_RC_NV_LOCKED"],
    ["the owner without OWNERWRITE", { TPM_NT: 0 }, TPM_RH.OWNER, "TPM_RC_NV_AUTHORIZATION"],
    ["the platform without PPWRITE", { TPM_NT: 0 }, TPM_RH.PLATFORM, "TPM_RC_NV_AUTHORIZATION"],
    ["an ordinary Index", { TPM_NT: 0 }, undefined, "TPM_RC_ATTRIBUTES (handle 2)"],
    [
      "its own kind of Index without AUTHWRITE",
      { TPM_NT: type, AUTHWRITE: false },
      undefined,
      "TPM_RC_AUTH_UNAVAILABLE",
    ],
  ])("%s", (_case, attributes, authHandle, text) => {
    const tpm = TestTpm.started();
    const nvIndex = givenIndex(tpm, { attributes });
    expect(tpm.run(command, { authHandle: authHandle ?? nvIndex, nvIndex, ...input }).text).toBe(text);
  });
});
