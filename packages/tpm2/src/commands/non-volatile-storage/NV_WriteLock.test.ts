import { describe, expect, test } from "vitest";
import { TPMA_NV } from "../../spec/attributes.ts";
import { TPM_SU } from "../../spec/constants.ts";
import { TPM_RH } from "../../spec/handles.ts";
import { givenDefined } from "../../testing/defined-index.ts";
import { givenIndex } from "../../testing/given.ts";
import { TestTpm } from "../../testing/test-tpm.ts";
import { Shutdown } from "../start-up/Shutdown.ts";
import { NV_GlobalWriteLock } from "./NV_GlobalWriteLock.ts";
import { NV_ReadLock } from "./NV_ReadLock.ts";
import { NV_ReadPublic } from "./NV_ReadPublic.ts";
import { NV_Write } from "./NV_Write.ts";
import { NV_WriteLock } from "./NV_WriteLock.ts";

const OK = "TPM_RC_SUCCESS";
const run = (tpm: TestTpm, command: typeof NV_WriteLock, nvIndex: number, authHandle = nvIndex): string =>
  tpm.run(command, { authHandle, nvIndex }).text;
const has = (tpm: TestTpm, nvIndex: number, attribute: Parameters<typeof TPMA_NV.has>[1]): boolean =>
  TPMA_NV.has(tpm.run(NV_ReadPublic, { nvIndex }).out.nvPublic.attributes, attribute);
const write = (tpm: TestTpm, nvIndex: number): string =>
  tpm.run(NV_Write, { authHandle: nvIndex, nvIndex, data: new Uint8Array(8), offset: 0 }).text;

describe.each([false, true])("TPM2_NV_WriteLock of an Index with ORDERLY %s", (ORDERLY) => {
  test("locks until the next start, and again without an error whoever asks", () => {
    const tpm = TestTpm.started();
    const nvIndex = givenDefined(tpm, { attributes: { WRITE_STCLEAR: true, OWNERWRITE: false, ORDERLY } });
    write(tpm, nvIndex);
    expect(run(tpm, NV_WriteLock, nvIndex)).toBe(OK);
    expect(write(tpm, nvIndex)).toBe("TPM_RC_NV_LOCKED");
    expect(run(tpm, NV_WriteLock, nvIndex, TPM_RH.OWNER)).toBe(OK);
    tpm.run(Shutdown, { shutdownType: TPM_SU.STATE });
    tpm.powerOn(TPM_SU.STATE);
    expect(has(tpm, nvIndex, "WRITELOCKED")).toBe(true);
    tpm.powerOn();
    expect(write(tpm, nvIndex)).toBe(OK);
  });
});

describe("TPM2_NV_WriteLock", () => {
  test("with WRITEDEFINE locks for ever what was written, and else until the next start", () => {
    const tpm = TestTpm.started();
    const attributes = { WRITEDEFINE: true };
    const [written, unwritten] = [
      givenDefined(tpm, { attributes }),
      givenDefined(tpm, { attributes, nvIndex: 0x0150_0002 }),
    ];
    write(tpm, written);
    for (const nvIndex of [written, unwritten]) expect(run(tpm, NV_WriteLock, nvIndex)).toBe(OK);
    tpm.powerOn();
    expect([written, unwritten].map((nvIndex) => has(tpm, nvIndex, "WRITELOCKED"))).toEqual([true, false]);
  });

  test.each([
    ["who may not write", {}, TPM_RH.OWNER, "TPM_RC_NV_AUTHORIZATION"],
    ["an Index not to be locked", {}, undefined, "TPM_RC_ATTRIBUTES (handle 2)"],
  ])("refuses %s", (_name, attributes, authHandle, text) => {
    const tpm = TestTpm.started();
    const nvIndex = givenIndex(tpm, { attributes });
    expect(run(tpm, NV_WriteLock, nvIndex, authHandle)).toBe(text);
  });
});

describe("TPM2_NV_GlobalWriteLock", () => {
  test("locks all Indices with GLOBALLOCK, orderly ones too", () => {
    const tpm = TestTpm.started();
    const kinds = [{ GLOBALLOCK: true }, { GLOBALLOCK: true, ORDERLY: true }, {}];
    const indices = kinds.map((attributes, i) => givenDefined(tpm, { attributes, nvIndex: 0x0150_0000 + i }));
    expect(tpm.run(NV_GlobalWriteLock, { authHandle: TPM_RH.OWNER }).text).toBe(OK);
    expect(indices.map((nvIndex) => has(tpm, nvIndex, "WRITELOCKED"))).toEqual([true, true, false]);
    tpm.powerOn();
    expect(indices.map((nvIndex) => has(tpm, nvIndex, "WRITELOCKED"))).toEqual([false, false, false]);
  });
});

describe("TPM2_NV_ReadLock", () => {
  test("locks until the next start, even before the first write, and again without an error", () => {
    const tpm = TestTpm.started();
    const nvIndex = givenDefined(tpm, { attributes: { READ_STCLEAR: true } });
    expect(run(tpm, NV_ReadLock, nvIndex)).toBe(OK);
    expect(has(tpm, nvIndex, "READLOCKED")).toBe(true);
    expect(run(tpm, NV_ReadLock, nvIndex)).toBe(OK);
    tpm.powerOn();
    expect(has(tpm, nvIndex, "READLOCKED")).toBe(false);
  });

  test.each([
    ["who may not read", {}, TPM_RH.OWNER, "TPM_RC_NV_AUTHORIZATION"],
    ["an Index not to be locked", {}, undefined, "TPM_RC_ATTRIBUTES (handle 2)"],
  ])("refuses %s", (_name, attributes, authHandle, text) => {
    const tpm = TestTpm.started();
    const nvIndex = givenIndex(tpm, { attributes });
    expect(run(tpm, NV_ReadLock, nvIndex, authHandle)).toBe(text);
  });
});

describe("at the next start", () => {
  test.each([
    ["an ordinary Index stays written", {}, true, true],
    ["one with CLEAR_STCLEAR is unwritten", { CLEAR_STCLEAR: true }, false, false],
    ["an orderly one is unwritten after a reset only", { ORDERLY: true }, false, true],
  ])("%s", (_name, attributes, afterReset, afterRestart) => {
    const tpm = TestTpm.started();
    const nvIndex = givenDefined(tpm, { attributes });
    write(tpm, nvIndex);
    tpm.run(Shutdown, { shutdownType: TPM_SU.STATE });
    const stored = tpm.tpm.state;
    tpm.powerOn();
    expect(has(tpm, nvIndex, "WRITTEN")).toBe(afterRestart);
    tpm.tpm.state = stored;
    tpm.run(Shutdown, { shutdownType: TPM_SU.CLEAR });
    tpm.powerOn();
    expect(has(tpm, nvIndex, "WRITTEN")).toBe(afterReset);
  });
});
