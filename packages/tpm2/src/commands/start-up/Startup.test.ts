import { describe, expect, test } from "vitest";
import { TPM_ALG, TPM_SU } from "../../spec/constants.ts";
import { TPM_RH } from "../../spec/handles.ts";
import { ORDERLY } from "../../state/data.ts";
import { givenPersistent } from "../../testing/given.ts";
import { startSession } from "../../testing/start-session.ts";
import { TestTpm } from "../../testing/test-tpm.ts";
import { HierarchyChangeAuth } from "../hierarchy/HierarchyChangeAuth.ts";
import { HierarchyControl } from "../hierarchy/HierarchyControl.ts";
import { PCR_Extend } from "../integrity-collection/PCR_Extend.ts";
import { Shutdown } from "./Shutdown.ts";
import { Startup } from "./Startup.ts";

const OK = "TPM_RC_SUCCESS";
const extendPcr = (tpm: TestTpm, pcrHandle: number): void => {
  const digests = [{ hashAlg: TPM_ALG.SHA256, digest: new Uint8Array(32).fill(1) }];
  expect(tpm.run(PCR_Extend, { pcrHandle, digests }).text).toBe(OK);
};
const pcr = (tpm: TestTpm, n: number): Uint8Array | undefined => tpm.tpm.state.ram.pcrs.get(TPM_ALG.SHA256)?.[n];

/** Cuts the power and starts again; the response to TPM2_Startup. */
function restart(tpm: TestTpm, startupType: number, locality = 0): string {
  tpm.tpm.powerOn();
  tpm.locality = locality;
  const { text } = tpm.run(Startup, { startupType });
  tpm.locality = 0;
  return text;
}

/** What the TPM counts starts with: resets, restarts, clears. */
const counts = ({ tpm }: TestTpm): readonly [number, number, number] => [
  tpm.state.nv.persistent.resetCount,
  tpm.state.ram.stateReset.restartCount,
  tpm.state.ram.stateReset.clearCount,
];

describe("TPM2_Startup", () => {
  test("is expected before any other command, and only then", () => {
    const tpm = new TestTpm();
    tpm.tpm.powerOn();
    expect(tpm.run(Shutdown, { shutdownType: TPM_SU.CLEAR }).text).toBe("TPM_RC_INITIALIZE");
    expect(tpm.run(Startup, { startupType: TPM_SU.CLEAR }).text).toBe(OK);
    expect(tpm.run(Startup, { startupType: TPM_SU.CLEAR }).text).toBe("TPM_RC_INITIALIZE");
  });

  test("of a new TPM is a reset", () => {
    const tpm = TestTpm.started();
    expect(counts(tpm)).toEqual([1, 0, 0]);
    expect(pcr(tpm, 0)).toEqual(new Uint8Array(32));
    expect(pcr(tpm, 17)).toEqual(new Uint8Array(32).fill(0xff));
    expect(tpm.tpm.state.ram.stateReset.pcrCounter).toBe(20);
    expect(tpm.tpm.state.nv.persistent.orderlyState).toBe(ORDERLY.NONE);
  });

  test.each([
    ["resumes after Shutdown(STATE)", TPM_SU.STATE, TPM_SU.STATE, [1, 1, 0], true, true],
    ["restarts after Shutdown(STATE) if asked to clear", TPM_SU.STATE, TPM_SU.CLEAR, [1, 1, 1], false, true],
    ["resets after Shutdown(CLEAR)", TPM_SU.CLEAR, TPM_SU.CLEAR, [2, 0, 0], false, false],
    ["resets after no Shutdown", undefined, TPM_SU.CLEAR, [2, 0, 0], false, false],
  ] as const)("%s", (_name, shutdownType, startupType, counted, keepsPcr, keepsNullSeed) => {
    const tpm = TestTpm.started();
    tpm.run(HierarchyChangeAuth, { authHandle: TPM_RH.PLATFORM, newAuth: Uint8Array.of(7) });
    tpm.run(HierarchyControl, { authHandle: TPM_RH.OWNER, enable: TPM_RH.OWNER, state: 0 });
    extendPcr(tpm, 1);
    extendPcr(tpm, 16);
    const extended = pcr(tpm, 1);
    const { nullSeed } = tpm.tpm.state.ram.stateReset;
    if (shutdownType !== undefined) expect(tpm.run(Shutdown, { shutdownType }).text).toBe(OK);
    expect(restart(tpm, startupType)).toBe(OK);
    expect(counts(tpm)).toEqual(counted);
    expect(pcr(tpm, 1)).toEqual(keepsPcr ? extended : new Uint8Array(32));
    expect(pcr(tpm, 16)).toEqual(new Uint8Array(32));
    const { stateClear, stateReset, phEnable } = tpm.tpm.state.ram;
    expect(stateClear.platformAuth).toEqual(keepsPcr ? Uint8Array.of(7) : new Uint8Array());
    expect([phEnable, stateClear.shEnable]).toEqual([1, keepsPcr ? 0 : 1]);
    expect(stateReset.nullSeed === nullSeed).toBe(keepsNullSeed);
    expect(tpm.tpm.state.nv.stateReset).toBeUndefined();
    expect(tpm.faults).toEqual([]);
  });

  test("keeps saved sessions only, and none after a reset", () => {
    const tpm = TestTpm.started();
    startSession(tpm);
    tpm.run(Shutdown, { shutdownType: TPM_SU.STATE });
    restart(tpm, TPM_SU.STATE);
    expect(tpm.tpm.state.ram.stateReset.contextArray.every((entry) => entry === 0)).toBe(true);
  });

  test.each([
    ["STATE after Shutdown(CLEAR)", TPM_SU.CLEAR, "TPM_RC_VALUE (parameter 1)"],
    ["STATE after no Shutdown", undefined, "TPM_RC_VALUE (parameter 1)"],
  ])("refuses %s", (_name, shutdownType, text) => {
    const tpm = TestTpm.started();
    if (shutdownType !== undefined) tpm.run(Shutdown, { shutdownType });
    expect(restart(tpm, TPM_SU.STATE)).toBe(text);
    expect(tpm.run(Startup, { startupType: TPM_SU.CLEAR }).text).toBe(OK);
  });

  test.each([1, 2, 4])("refuses locality %d", (locality) => {
    expect(restart(new TestTpm(), TPM_SU.CLEAR, locality)).toBe("TPM_RC_LOCALITY");
  });

  test("from locality 3 says so in PCR 0, and can be resumed from there only", () => {
    const tpm = new TestTpm();
    expect(restart(tpm, TPM_SU.CLEAR, 3)).toBe(OK);
    expect(pcr(tpm, 0)?.[31]).toBe(3);
    tpm.run(Shutdown, { shutdownType: TPM_SU.STATE });
    expect(tpm.tpm.state.nv.persistent.orderlyState).toBe(TPM_SU.STATE + ORDERLY.STARTUP_LOCALITY_3);
    expect(restart(tpm, TPM_SU.STATE, 0)).toBe("TPM_RC_LOCALITY");
    expect(restart(tpm, TPM_SU.STATE, 3)).toBe(OK);
  });

  test("after an H-CRTM measurement keeps PCR 0, and can be resumed after one only", () => {
    const tpm = new TestTpm();
    const measure = (): void => {
      tpm.tpm.powerOn();
      tpm.tpm.hashStart();
      tpm.tpm.hashData(Uint8Array.of(1, 2, 3));
      tpm.tpm.hashEnd();
    };
    measure();
    tpm.run(Startup, { startupType: TPM_SU.CLEAR });
    const start = new Uint8Array(32);
    start[31] = 4;
    const { crypto } = tpm.platform;
    expect(pcr(tpm, 0)).toEqual(crypto.hash("SHA256", start, crypto.hash("SHA256", Uint8Array.of(1, 2, 3))));
    tpm.run(Shutdown, { shutdownType: TPM_SU.STATE });
    expect(tpm.tpm.state.nv.persistent.orderlyState).toBe(TPM_SU.STATE + ORDERLY.PRE_STARTUP);
    expect(restart(tpm, TPM_SU.STATE)).toBe("TPM_RC_VALUE (parameter 1)");
    measure();
    expect(tpm.run(Startup, { startupType: TPM_SU.STATE }).text).toBe(OK);
  });

  test("counts a power cut after a protected authorization as a failure", () => {
    const tpm = TestTpm.started();
    givenPersistent(tpm, { orderlyState: ORDERLY.DA_USED });
    restart(tpm, TPM_SU.CLEAR);
    expect(tpm.tpm.state.nv.persistent.failedTries).toBe(1);
  });

  test("begins a new epoch of Time, and calls Clock unsafe after a power cut", () => {
    const tpm = TestTpm.started();
    const epoch = tpm.tpm.state.nv.persistent.timeEpoch;
    expect(tpm.tpm.state.ram.orderly.clockSafe).toBe(1);
    restart(tpm, TPM_SU.CLEAR);
    expect(tpm.tpm.state.nv.persistent.timeEpoch).toBe(epoch + 1);
    expect(tpm.tpm.state.ram.orderly.clockSafe).toBe(0);
    tpm.run(Shutdown, { shutdownType: TPM_SU.CLEAR });
    expect(tpm.tpm.state.nv.orderly.clockSafe).toBe(0);
  });
});
