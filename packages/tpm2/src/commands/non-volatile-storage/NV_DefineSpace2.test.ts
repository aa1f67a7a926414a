import { concatBytes, EMPTY, encode } from "@vtpm/wire";
import { describe, expect, test } from "vitest";
import { LATEST } from "../../profile.ts";
import { TPMA_NV } from "../../spec/attributes.ts";
import { TPM_ALG, TPM_CAP } from "../../spec/constants.ts";
import { TPM_HT, TPM_RH } from "../../spec/handles.ts";
import { TPMS_NV_PUBLIC_EXP_ATTR } from "../../spec/structures/index.ts";
import { hash } from "../../testing/caller-crypto.ts";
import { givenStateClear } from "../../testing/given.ts";
import { TestTpm } from "../../testing/test-tpm.ts";
import { GetCapability } from "../capability/GetCapability.ts";
import { NV_DefineSpace } from "./NV_DefineSpace.ts";
import { NV_DefineSpace2 } from "./NV_DefineSpace2.ts";
import { NV_Read } from "./NV_Read.ts";
import { NV_ReadPublic } from "./NV_ReadPublic.ts";
import { NV_ReadPublic2 } from "./NV_ReadPublic2.ts";
import { NV_UndefineSpace } from "./NV_UndefineSpace.ts";
import { NV_Write } from "./NV_Write.ts";

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

  test("refuses the vendor's Indices, and protection of memory outside of the TPM", () => {
    const tpm = TestTpm.started({ profile: LATEST });
    expect(define(tpm, { handleType: TPM_HT.PERMANENT_NV, nvPublic2 })).toBe("TPM_RC_HANDLE (parameter 2)");
    for (const external of [1, 2, 4]) {
      const wanted = { ...nvPublic2, nvIndex: 0x1100_0001, attributes: { external, nv: attributes } };
      const outcome = define(tpm, { handleType: TPM_HT.EXTERNAL_NV, nvPublic2: wanted });
      expect(outcome).toBe("TPM_RC_ATTRIBUTES (parameter 2)");
    }
  });
});

describe("an external NV Index", () => {
  const external = { ...nvPublic2, nvIndex: 0x1100_0001, attributes: { external: 0, nv: attributes } };
  const publicInfo = { handleType: TPM_HT.EXTERNAL_NV, nvPublic2: external };
  const authHandle = TPM_RH.OWNER;
  const at = { authHandle, nvIndex: external.nvIndex };
  const defined = (): TestTpm => {
    const tpm = TestTpm.started({ profile: LATEST });
    expect(define(tpm, publicInfo)).toBe("TPM_RC_SUCCESS");
    return tpm;
  };

  test("is named by its public area, the type of handle left out", () => {
    const tpm = defined();
    const { nvPublic, nvName } = tpm.run(NV_ReadPublic2, at).out;
    expect(nvPublic).toEqual(publicInfo);
    const bytes = encode(TPMS_NV_PUBLIC_EXP_ATTR, external);
    expect(nvName).toEqual(concatBytes(Uint8Array.of(0, 0x0b), hash(TPM_ALG.SHA256, bytes)));
    expect(tpm.run(NV_ReadPublic, at).text).toBe("TPM_RC_HANDLE (handle 1)");
  });

  test("is written and read with the owner's authorization, and undefined", () => {
    const tpm = defined();
    const data = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
    expect(tpm.run(NV_Write, { ...at, data, offset: 0 }).text).toBe("TPM_RC_SUCCESS");
    expect(tpm.run(NV_Read, { ...at, size: 8, offset: 0 }).out.data).toEqual(data);
    expect(tpm.run(NV_UndefineSpace, at).text).toBe("TPM_RC_SUCCESS");
    expect(tpm.run(NV_Read, { ...at, size: 8, offset: 0 }).text).toBe("TPM_RC_HANDLE (handle 2)");
  });

  test("cannot authorize by itself", () => {
    const tpm = defined();
    const input = { ...at, authHandle: at.nvIndex, size: 8, offset: 0 };
    expect(tpm.run(NV_Read, input).text).toBe("TPM_RC_VALUE (handle 1)");
  });

  test("is listed by its type of handle, and not among the others", () => {
    const tpm = defined();
    const handles = (property: number): unknown =>
      tpm.run(GetCapability, { capability: TPM_CAP.HANDLES, property, propertyCount: 10 }).out.capabilityData.data;
    expect(handles(0x1100_0000)).toEqual([external.nvIndex]);
    expect(handles(0x0100_0000)).toEqual([]);
  });

  test("has no older command to define it", () => {
    const tpm = TestTpm.started({ profile: LATEST });
    const old = { ...nvPublic2, nvIndex: external.nvIndex };
    expect(tpm.run(NV_DefineSpace, { authHandle, auth: EMPTY, publicInfo: old }).text).toBe(
      "TPM_RC_VALUE (parameter 2)",
    );
  });

  test("is nothing that a TPM of libtpms' profiles knows", () => {
    const tpm = TestTpm.started();
    expect(tpm.run(NV_ReadPublic, at).text).toBe("TPM_RC_VALUE (handle 1)");
    const input = { capability: TPM_CAP.HANDLES, property: 0x1100_0000, propertyCount: 10 };
    expect(tpm.run(GetCapability, input).text).toBe("TPM_RC_HANDLE (parameter 2)");
  });
});
