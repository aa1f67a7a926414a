import { describe, expect, test } from "vitest";
import { TPM_SU } from "../../spec/constants.ts";
import { TPM_RH } from "../../spec/handles.ts";
import { ORDERLY } from "../../state/data.ts";
import { TestTpm } from "../../testing/test-tpm.ts";
import { HierarchyControl } from "../hierarchy/HierarchyControl.ts";
import { PCR_Allocate } from "../integrity-collection/PCR_Allocate.ts";
import { Shutdown } from "./Shutdown.ts";

describe("TPM2_Shutdown", () => {
  test.each([TPM_SU.CLEAR, TPM_SU.STATE])("%d stores Clock and how the TPM was stopped", (shutdownType) => {
    const tpm = TestTpm.started();
    tpm.platform.clock = 1234;
    expect(tpm.run(Shutdown, { shutdownType }).rc).toBe(0);
    const { nv } = tpm.tpm.state;
    expect(nv.orderly).toMatchObject({ clock: 1234n, time: 1234n });
    expect(nv.persistent.orderlyState).toBe(shutdownType);
    expect(nv.stateReset !== undefined && nv.stateClear !== undefined).toBe(shutdownType === TPM_SU.STATE);
  });

  test("is taken back by the next change of what it has saved", () => {
    const tpm = TestTpm.started();
    tpm.run(Shutdown, { shutdownType: TPM_SU.STATE });
    tpm.run(HierarchyControl, { authHandle: TPM_RH.PLATFORM, enable: TPM_RH.OWNER, state: 0 });
    expect(tpm.tpm.state.nv.persistent.orderlyState).toBe(ORDERLY.NONE);
  });

  test("refuses to keep PCRs of banks that will be others", () => {
    const tpm = TestTpm.started();
    const pcrAllocation = [{ hash: 4, pcrSelect: new Uint8Array(3) }];
    expect(tpm.run(PCR_Allocate, { authHandle: TPM_RH.PLATFORM, pcrAllocation }).rc).toBe(0);
    expect(tpm.run(Shutdown, { shutdownType: TPM_SU.STATE }).text).toBe("TPM_RC_TYPE (parameter 1)");
    expect(tpm.run(Shutdown, { shutdownType: TPM_SU.CLEAR }).rc).toBe(0);
  });
});
