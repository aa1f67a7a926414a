import { describe, expect, test } from "vitest";
import { TPM_ALG, TPM_SU } from "../../spec/constants.ts";
import { TPM_RH } from "../../spec/handles.ts";
import { ORDERLY } from "../../state/data.ts";
import { givenObject } from "../../testing/given.ts";
import { TestTpm } from "../../testing/test-tpm.ts";
import { Shutdown } from "../start-up/Shutdown.ts";
import { HierarchyControl } from "./HierarchyControl.ts";

const { OWNER, ENDORSEMENT, PLATFORM, PLATFORM_NV } = TPM_RH;
const control = (tpm: TestTpm, authHandle: number, enable: number, state: number): string =>
  tpm.run(HierarchyControl, { authHandle, enable, state }).text;
const enables = ({ tpm }: TestTpm): readonly number[] => {
  const { phEnable, stateClear } = tpm.state.ram;
  return [phEnable, stateClear.shEnable, stateClear.ehEnable, stateClear.phEnableNV];
};

describe("TPM2_HierarchyControl", () => {
  test.each([
    ["the platform itself", PLATFORM, PLATFORM, [0, 1, 1, 1]],
    ["the owner by the platform", PLATFORM, OWNER, [1, 0, 1, 1]],
    ["the owner by itself", OWNER, OWNER, [1, 0, 1, 1]],
    ["endorsement by the platform", PLATFORM, ENDORSEMENT, [1, 1, 0, 1]],
    ["endorsement by itself", ENDORSEMENT, ENDORSEMENT, [1, 1, 0, 1]],
    ["the platform's Indices", PLATFORM, PLATFORM_NV, [1, 1, 1, 0]],
  ])("disables %s", (_name, authHandle, enable, after) => {
    const tpm = TestTpm.started();
    tpm.run(Shutdown, { shutdownType: TPM_SU.STATE });
    expect(control(tpm, authHandle, enable, 0)).toBe("TPM_RC_SUCCESS");
    expect(enables(tpm)).toEqual(after);
    expect(tpm.tpm.state.nv.persistent.orderlyState).toBe(ORDERLY.NONE);
    tpm.powerOn();
    expect(enables(tpm)).toEqual([1, 1, 1, 1]);
  });

  test("enables again by the platform only, since who is disabled cannot authorize", () => {
    const tpm = TestTpm.started();
    control(tpm, OWNER, OWNER, 0);
    expect(control(tpm, OWNER, OWNER, 1)).toBe("TPM_RC_HIERARCHY (handle 1)");
    expect(control(tpm, PLATFORM, OWNER, 1)).toBe("TPM_RC_SUCCESS");
    expect(enables(tpm)).toEqual([1, 1, 1, 1]);
  });

  test("that changes nothing leaves a Shutdown in force", () => {
    const tpm = TestTpm.started();
    tpm.run(Shutdown, { shutdownType: TPM_SU.STATE });
    expect(control(tpm, PLATFORM, OWNER, 1)).toBe("TPM_RC_SUCCESS");
    expect(tpm.tpm.state.nv.persistent.orderlyState).toBe(TPM_SU.STATE);
  });

  test("flushes the objects of what it disables, and no others", () => {
    const tpm = TestTpm.started();
    const template = {
      type: TPM_ALG.KEYEDHASH,
      nameAlg: TPM_ALG.SHA256,
      objectAttributes: 0,
      authPolicy: new Uint8Array(),
      parameters: { scheme: { scheme: TPM_ALG.NULL } },
      unique: new Uint8Array(),
    };
    const handles = (["spsHierarchy", "epsHierarchy", "ppsHierarchy"] as const).map((hierarchy) =>
      givenObject(tpm, template, undefined, { [hierarchy]: true }),
    );
    control(tpm, PLATFORM, PLATFORM_NV, 0);
    expect(tpm.tpm.state.ram.objects.size).toBe(3);
    control(tpm, ENDORSEMENT, ENDORSEMENT, 0);
    expect([...tpm.tpm.state.ram.objects.keys()]).toEqual([handles[0], handles[2]]);
  });

  test.each([
    ["the platform by the owner", OWNER, PLATFORM],
    ["the platform's Indices by the owner", OWNER, PLATFORM_NV],
    ["the owner by endorsement", ENDORSEMENT, OWNER],
    ["endorsement by the owner", OWNER, ENDORSEMENT],
  ])("refuses to disable %s", (_name, authHandle, enable) => {
    const tpm = TestTpm.started();
    expect(control(tpm, authHandle, enable, 0)).toBe("TPM_RC_AUTH_TYPE");
    expect(enables(tpm)).toEqual([1, 1, 1, 1]);
  });

  test.each([
    ["lockout as a hierarchy", TPM_RH.LOCKOUT, OWNER, 0, "TPM_RC_VALUE (handle 1)"],
    ["lockout to be disabled", PLATFORM, TPM_RH.LOCKOUT, 0, "TPM_RC_VALUE (parameter 1)"],
    ["a third state", PLATFORM, OWNER, 2, "TPM_RC_VALUE (parameter 2)"],
  ])("refuses %s", (_name, authHandle, enable, state, text) => {
    expect(control(TestTpm.started(), authHandle, enable, state)).toBe(text);
  });
});
