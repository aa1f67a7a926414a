import { EMPTY } from "@vtpm/wire";
import { describe, expect, test } from "vitest";
import { LATEST } from "../../profile.ts";
import { TPMA_NV } from "../../spec/attributes.ts";
import { TPM_ALG } from "../../spec/constants.ts";
import { TPM_HT, TPM_RH } from "../../spec/handles.ts";
import { givenStateClear } from "../../testing/given.ts";
import { TestTpm } from "../../testing/test-tpm.ts";
import { NV_DefineSpace2 } from "./NV_DefineSpace2.ts";
import { NV_ReadPublic } from "./NV_ReadPublic.ts";
import { NV_ReadPublic2 } from "./NV_ReadPublic2.ts";

const nvIndex = 0x0100_0001;
const attributes = TPMA_NV.of({ OWNERREAD: true, OWNERWRITE: true });
const nvPublic2 = { nvIndex, nameAlg: TPM_ALG.SHA256, attributes, authPolicy: EMPTY, dataSize: 8 };

const define = (tpm: TestTpm, publicInfo: object, auth = EMPTY): string =>
  tpm.run(NV_DefineSpace2, { authHandle: TPM_RH.OWNER, auth, publicInfo }).text;

describe("TPM2_NV_DefineSpace2", () => {
  test("defines what TPM2_NV_ReadPublic2 and TPM2_NV_ReadPublic tell", () => {
    const tpm = TestTpm.started({ profile: LATEST });
    expect(define(tpm, { handleType: TPM_HT.NV_INDEX, nvPublic2 })).toBe("TPM_RC_SUCCESS");
    const { nvPublic, nvName } = tpm.run(NV_ReadPublic2, { nvIndex }).out;
    expect(nvPublic).toEqual({ handleType: TPM_HT.NV_INDEX, nvPublic2 });
    expect(tpm.run(NV_ReadPublic, { nvIndex }).out).toEqual({ nvPublic: nvPublic2, nvName });
    expect(define(tpm, { handleType: TPM_HT.NV_INDEX, nvPublic2 })).toBe("TPM_RC_NV_DEFINED");
  });

  test("refuses what TPM2_NV_DefineSpace refuses, at its own positions", () => {
    const tpm = TestTpm.started({ profile: LATEST });
    const policy = { ...nvPublic2, authPolicy: Uint8Array.of(1) };
    expect(define(tpm, { handleType: TPM_HT.NV_INDEX, nvPublic2: policy })).toBe("TPM_RC_SIZE (parameter 2)");
    const auth = new Uint8Array(33).fill(1);
    expect(define(tpm, { handleType: TPM_HT.NV_INDEX, nvPublic2 }, auth)).toBe("TPM_RC_SIZE (parameter 1)");
  });

  test.each<[name: string, changes: object, authHandle: number, outcome: string]>([
    [
      "nobody to write",
      { attributes: TPMA_NV.of({ OWNERREAD: true }) },
      TPM_RH.OWNER,
      "TPM_RC_ATTRIBUTES (parameter 2)",
    ],
    ["a creator who is another", {}, TPM_RH.PLATFORM, "TPM_RC_ATTRIBUTES (handle 1)"],
    ["data of the largest size too often", { dataSize: 2048 }, TPM_RH.OWNER, "TPM_RC_NV_SPACE"],
  ])("refuses %s", (_name, changes, authHandle, outcome) => {
    const tpm = TestTpm.started({ profile: LATEST });
    const run = (index: number): string => {
      const publicInfo = { handleType: TPM_HT.NV_INDEX, nvPublic2: { ...nvPublic2, ...changes, nvIndex: index } };
      return tpm.run(NV_DefineSpace2, { authHandle, auth: EMPTY, publicInfo }).text;
    };
    let last = run(nvIndex);
    for (let index = nvIndex + 1; last === "TPM_RC_SUCCESS"; index++) last = run(index);
    expect(last).toBe(outcome);
  });

  test("refuses the platform's Indices while they are disabled", () => {
    const tpm = TestTpm.started({ profile: LATEST });
    givenStateClear(tpm, { phEnableNV: 0 });
    const publicInfo = {
      handleType: TPM_HT.NV_INDEX,
      nvPublic2: { ...nvPublic2, attributes: TPMA_NV.with(attributes, { PLATFORMCREATE: true }) },
    };
    const answer = tpm.run(NV_DefineSpace2, { authHandle: TPM_RH.PLATFORM, auth: EMPTY, publicInfo });
    expect(answer.text).toBe("TPM_RC_HIERARCHY (handle 1)");
  });

  test("refuses Indices of other kinds", () => {
    const tpm = TestTpm.started({ profile: LATEST });
    expect(define(tpm, { handleType: TPM_HT.PERMANENT_NV, nvPublic2 })).toBe("TPM_RC_HANDLE (parameter 2)");
    const external = { ...nvPublic2, nvIndex: 0x1100_0001, attributes: { external: 0, nv: attributes } };
    expect(define(tpm, { handleType: TPM_HT.EXTERNAL_NV, nvPublic2: external })).toBe("TPM_RC_VALUE (parameter 2)");
  });
});
