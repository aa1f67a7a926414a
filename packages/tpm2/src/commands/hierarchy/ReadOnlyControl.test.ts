import { EMPTY } from "@vtpm/wire";
import { describe, expect, test } from "vitest";
import { LATEST } from "../../profile.ts";
import { NO, TPM_CAP, TPM_SU, YES } from "../../spec/constants.ts";
import { TPM_RH } from "../../spec/handles.ts";
import { TPM_PT } from "../../spec/properties.ts";
import { givenDefined } from "../../testing/defined-index.ts";
import { givenIndex, givenPin } from "../../testing/given.ts";
import { startPolicy } from "../../testing/start-session.ts";
import { creationInput, ECC_STORAGE } from "../../testing/templates.ts";
import { TestTpm } from "../../testing/test-tpm.ts";
import { GetCapability } from "../capability/GetCapability.ts";
import { PolicySecret } from "../enhanced-authorization/PolicySecret.ts";
import { NV_DefineSpace } from "../non-volatile-storage/NV_DefineSpace.ts";
import { NV_Extend } from "../non-volatile-storage/NV_Extend.ts";
import { NV_Read } from "../non-volatile-storage/NV_Read.ts";
import { NV_ReadLock } from "../non-volatile-storage/NV_ReadLock.ts";
import { NV_SetBits } from "../non-volatile-storage/NV_SetBits.ts";
import { NV_Write } from "../non-volatile-storage/NV_Write.ts";
import { NV_WriteLock } from "../non-volatile-storage/NV_WriteLock.ts";
import { GetRandom } from "../random-number-generator/GetRandom.ts";
import { Shutdown } from "../start-up/Shutdown.ts";
import { Clear } from "./Clear.ts";
import { CreatePrimary } from "./CreatePrimary.ts";
import { HierarchyChangeAuth } from "./HierarchyChangeAuth.ts";
import { ReadOnlyControl } from "./ReadOnlyControl.ts";

const setReadOnly = (tpm: TestTpm, state: number) => tpm.run(ReadOnlyControl, { authHandle: TPM_RH.PLATFORM, state });

function readOnly(): TestTpm {
  const tpm = TestTpm.started({ profile: LATEST });
  setReadOnly(tpm, YES);
  return tpm;
}

/** Bit 4 of TPMA_STARTUP_CLEAR. */
function tellsReadOnly(tpm: TestTpm): boolean {
  const property = TPM_PT.STARTUP_CLEAR;
  const { out } = tpm.run(GetCapability, { capability: TPM_CAP.TPM_PROPERTIES, property, propertyCount: 1 });
  return Math.floor(out.capabilityData.data[0].value / 16) % 2 === 1;
}

describe("TPM2_ReadOnlyControl", () => {
  test("turns the mode on and off, and the TPM tells of it", () => {
    const tpm = TestTpm.started({ profile: LATEST });
    expect(tellsReadOnly(tpm)).toBe(false);
    expect(setReadOnly(tpm, YES).text).toBe("TPM_RC_SUCCESS");
    expect(tellsReadOnly(tpm)).toBe(true);
    expect(setReadOnly(tpm, NO).text).toBe("TPM_RC_SUCCESS");
    expect(tellsReadOnly(tpm)).toBe(false);
  });

  test("is for the platform only", () => {
    const tpm = TestTpm.started({ profile: LATEST });
    expect(tpm.run(ReadOnlyControl, { authHandle: TPM_RH.OWNER, state: YES }).text).toBe("TPM_RC_VALUE (handle 1)");
  });

  test("takes back an earlier Shutdown, if it changes anything", () => {
    const tpm = TestTpm.started({ profile: LATEST });
    tpm.run(Shutdown, { shutdownType: TPM_SU.STATE });
    setReadOnly(tpm, NO);
    expect(tpm.tpm.state.nv.persistent.orderlyState).toBe(TPM_SU.STATE);
    setReadOnly(tpm, YES);
    expect(tpm.tpm.state.nv.persistent.orderlyState).toBe(0xffff);
  });

  test("lasts over Shutdown(STATE) and Startup(STATE), and over nothing else", () => {
    const tpm = readOnly();
    tpm.run(Shutdown, { shutdownType: TPM_SU.STATE });
    tpm.powerOn(TPM_SU.STATE);
    expect(tellsReadOnly(tpm)).toBe(true);
    tpm.run(Shutdown, { shutdownType: TPM_SU.STATE });
    setReadOnly(tpm, NO);
    tpm.run(Shutdown, { shutdownType: TPM_SU.STATE });
    tpm.powerOn(TPM_SU.STATE);
    expect(tellsReadOnly(tpm)).toBe(false);
    setReadOnly(tpm, YES);
    tpm.run(Shutdown, { shutdownType: TPM_SU.STATE });
    tpm.powerOn(TPM_SU.CLEAR);
    expect(tellsReadOnly(tpm)).toBe(false);
    expect(tpm.tpm.state.nv.extension).toBeUndefined();
  });
});

describe("in Read-Only mode", () => {
  const authHandle = TPM_RH.OWNER;

  test.each([
    ["making a key", CreatePrimary, { primaryHandle: TPM_RH.NULL, ...creationInput(ECC_STORAGE) }],
    ["changing an authorization", HierarchyChangeAuth, { authHandle, newAuth: EMPTY }],
    [
      "defining an Index",
      NV_DefineSpace,
      {
        authHandle,
        auth: EMPTY,
        publicInfo: { nvIndex: 0x1000000, nameAlg: 11, attributes: 2, authPolicy: EMPTY, dataSize: 1 },
      },
    ],
    ["clearing", Clear, { authHandle: TPM_RH.PLATFORM }],
  ])("%s is refused, whoever asks", (_name, command, input) => {
    expect(readOnly().run(command, input, ["wrong"]).text).toBe("TPM_RC_READ_ONLY");
  });

  test("what only looks is not", () => {
    expect(readOnly().run(GetRandom, { bytesRequested: 1 }).text).toBe("TPM_RC_SUCCESS");
  });

  test.each([
    ["writing to", NV_Write, { data: EMPTY, offset: 0 }],
    ["extending", NV_Extend, { data: EMPTY }],
    ["setting bits of", NV_SetBits, { bits: 0n }],
    ["locking the writing of", NV_WriteLock, {}],
    ["locking the reading of", NV_ReadLock, {}],
  ])("%s an Index that lasts is refused before everything else", (_name, command, input) => {
    const tpm = readOnly();
    const nvIndex = givenIndex(tpm);
    expect(tpm.run(command, { authHandle: TPM_RH.OWNER, nvIndex, ...input }).text).toBe("TPM_RC_READ_ONLY");
    expect(tpm.run(NV_Read, { authHandle: nvIndex, nvIndex, size: 1, offset: 0 }).text).toBe("TPM_RC_SUCCESS");
  });

  test("an Index that is forgotten at Startup may be written", () => {
    const tpm = TestTpm.started({ profile: LATEST });
    const nvIndex = givenDefined(tpm, { attributes: { ORDERLY: true, CLEAR_STCLEAR: true } });
    setReadOnly(tpm, YES);
    expect(tpm.run(NV_Write, { authHandle: nvIndex, nvIndex, data: new Uint8Array(8), offset: 0 }).text).toBe(
      "TPM_RC_SUCCESS",
    );
  });

  test("no policy counts the uses of a PIN", () => {
    const tpm = readOnly();
    const pin = givenPin(tpm, "PIN_PASS", 0, 5, Uint8Array.of(1));
    const input = { policySession: startPolicy(tpm).handle, nonceTPM: EMPTY, cpHashA: EMPTY, policyRef: EMPTY };
    const run = (entity: number, auth: Uint8Array) =>
      tpm.run(PolicySecret, { authHandle: entity, expiration: 0, ...input }, [auth]).text;
    expect(run(pin, Uint8Array.of(1))).toBe("TPM_RC_READ_ONLY");
    expect(run(TPM_RH.OWNER, EMPTY)).toBe("TPM_RC_SUCCESS");
  });
});
