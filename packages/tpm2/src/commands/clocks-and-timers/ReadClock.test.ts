import { describe, expect, test } from "vitest";
import { TPM_CLOCK_ADJUST, TPM_SU } from "../../spec/constants.ts";
import { TPM_RH } from "../../spec/handles.ts";
import { TestTpm } from "../../testing/test-tpm.ts";
import { SetAlgorithmSet } from "../miscellaneous-management/SetAlgorithmSet.ts";
import { Shutdown } from "../start-up/Shutdown.ts";
import { ClockRateAdjust } from "./ClockRateAdjust.ts";
import { ClockSet } from "./ClockSet.ts";
import { ReadClock } from "./ReadClock.ts";

const auth = TPM_RH.OWNER;
const clock = (
  tpm: TestTpm,
): { time: bigint; clock: bigint; safe: number; resetCount: number; restartCount: number } => {
  const { time, clockInfo } = tpm.run(ReadClock).out.currentTime;
  return { time, ...clockInfo };
};
const set = (tpm: TestTpm, newTime: bigint): string => tpm.run(ClockSet, { auth, newTime }).text;

describe("TPM2_ReadClock", () => {
  test("tells Time since the start and Clock over all starts", () => {
    const tpm = TestTpm.started();
    tpm.platform.clock = 100;
    expect(clock(tpm)).toEqual({ time: 100n, clock: 100n, safe: 1, resetCount: 1, restartCount: 0 });
    tpm.run(Shutdown, { shutdownType: TPM_SU.STATE });
    tpm.platform.clock = 150;
    tpm.powerOn(TPM_SU.STATE);
    tpm.platform.clock = 175;
    expect(clock(tpm)).toEqual({ time: 25n, clock: 125n, safe: 1, resetCount: 1, restartCount: 1 });
  });

  test("tells after a power cut that Clock may have been ahead, until it passes what was stored", () => {
    const tpm = TestTpm.started();
    tpm.powerOn();
    expect(clock(tpm).safe).toBe(0);
    tpm.platform.clock += 4095;
    expect(clock(tpm).safe).toBe(0);
    tpm.platform.clock += 1;
    expect(clock(tpm).safe).toBe(1);
  });
});

describe("Clock in NV", () => {
  test("is not written because time has passed", () => {
    const tpm = TestTpm.started();
    const { nv } = tpm.tpm.state;
    tpm.platform.clock = 100_000;
    clock(tpm);
    expect(tpm.tpm.state.nv).toBe(nv);
  });

  test("is written when anything else is, once per interval", () => {
    const tpm = TestTpm.started();
    const stored = (): bigint => tpm.tpm.state.nv.orderly.clock;
    const change = (algorithmSet: number): number =>
      tpm.run(SetAlgorithmSet, { authHandle: TPM_RH.PLATFORM, algorithmSet }).rc;
    tpm.platform.clock = 4000;
    change(1);
    expect(stored()).toBe(0n);
    tpm.platform.clock = 5000;
    change(2);
    expect(stored()).toBe(5000n);
    tpm.platform.clock = 8000;
    change(3);
    expect(stored()).toBe(5000n);
    tpm.powerOn();
    expect(clock(tpm)).toMatchObject({ clock: 5000n, safe: 0 });
  });
});

describe("TPM2_ClockSet", () => {
  test("advances Clock, not Time, for good", () => {
    const tpm = TestTpm.started();
    expect(set(tpm, 1_000_000n)).toBe("TPM_RC_SUCCESS");
    expect(clock(tpm)).toMatchObject({ time: 0n, clock: 1_000_000n });
    tpm.powerOn();
    expect(clock(tpm).clock).toBe(1_000_000n);
  });

  test.each([
    ["a time before Clock", 99n, "TPM_RC_VALUE (parameter 1)"],
    ["the time that Clock says, which is allowed", 100n, "TPM_RC_SUCCESS"],
    ["the latest time, which is allowed", 0xffff_0000_0000_0000n, "TPM_RC_SUCCESS"],
    ["a later one", 0xffff_0000_0000_0001n, "TPM_RC_VALUE (parameter 1)"],
  ])("given %s", (_name, newTime, text) => {
    const tpm = TestTpm.started();
    tpm.platform.clock = 100;
    expect(set(tpm, newTime)).toBe(text);
  });
});

describe("TPM2_ClockRateAdjust", () => {
  const adjust = (tpm: TestTpm, rateAdjust: number): string => tpm.run(ClockRateAdjust, { auth, rateAdjust }).text;

  test.each([
    ["COARSE_SLOWER", 29702n],
    ["MEDIUM_SLOWER", 29970n],
    ["FINE_SLOWER", 29999n],
    ["NO_CHANGE", 30000n],
    ["FINE_FASTER", 30001n],
    ["MEDIUM_FASTER", 30030n],
    ["COARSE_FASTER", 30303n],
  ] as const)("%s", (name, time) => {
    const tpm = TestTpm.started();
    expect(adjust(tpm, TPM_CLOCK_ADJUST[name])).toBe("TPM_RC_SUCCESS");
    tpm.platform.clock = 30_000;
    expect(clock(tpm)).toMatchObject({ time, clock: time });
  });

  test("rounds as libtpms does: what a tick has not used up counts the next time", () => {
    const tpm = TestTpm.started();
    adjust(tpm, TPM_CLOCK_ADJUST.COARSE_FASTER);
    // 101 ticks take 99.99 ms, of which 99 count as used.
    for (const time of [101n, 203n, 305n]) {
      tpm.platform.clock += 100;
      expect(clock(tpm).time).toBe(time);
    }
  });

  test("goes no further than a sixth, and starts anew with the TPM", () => {
    const tpm = TestTpm.started();
    for (let i = 0; i < 30; i++) adjust(tpm, TPM_CLOCK_ADJUST.COARSE_SLOWER);
    expect(tpm.tpm.state.ram.clockRate).toBe(35000);
    for (let i = 0; i < 60; i++) adjust(tpm, TPM_CLOCK_ADJUST.COARSE_FASTER);
    expect(tpm.tpm.state.ram.clockRate).toBe(25000);
    tpm.powerOn();
    expect(tpm.tpm.state.ram.clockRate).toBe(30000);
  });

  test("refuses a step that there is none of", () => {
    expect(adjust(TestTpm.started(), 4)).toBe("TPM_RC_VALUE (parameter 1)");
  });
});
