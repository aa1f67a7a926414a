import { poweredOff } from "@vtpm/tpm2/state";
import { TestTpm } from "@vtpm/tpm2/testing";
import { type Bytes, fromHex } from "@vtpm/wire";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ImageError } from "../image-error.ts";
import { damaged, nextCut } from "../testing/damage.ts";
import { differenceOf } from "../testing/difference.ts";
import { PERMANENT_IMAGES, permanentImage } from "../testing/images.ts";
import { decodePermanent, encodePermanent } from "./permanent.ts";

/** The error that an image is refused with, or nothing. */
function refusalOf(image: Bytes): ImageError | undefined {
  try {
    decodePermanent(image);
    return undefined;
  } catch (error) {
    if (error instanceof ImageError) return error;
    throw error;
  }
}

describe.each(PERMANENT_IMAGES)("the permanent state of %s", (_name, read) => {
  const image = read();

  test("is written as it was read", () => {
    expect(differenceOf(encodePermanent(decodePermanent(image)), image)).toBeUndefined();
  });

  test("is refused wherever it is cut, with the place where it ends", () => {
    const wrong: string[] = [];
    for (let size = 0; size < image.length; size = nextCut(size, image.length)) {
      const error = refusalOf(image.slice(0, size));
      const names = error?.path.startsWith("PERSISTENT_ALL") && error.offset <= size;
      if (!names) wrong.push(`cut to ${size} bytes: ${error?.path} at ${error?.offset}`);
    }
    expect(wrong).toEqual([]);
  });

  test("with a byte changed is refused, or is the state of a TPM that can be started and stored", () => {
    fc.assert(
      fc.property(damaged(image), (changed) => {
        if (refusalOf(changed) !== undefined) return;
        const nv = decodePermanent(changed);
        expect(differenceOf(encodePermanent(nv), changed)).toBeUndefined();
        const tpm = new TestTpm();
        tpm.tpm.state = poweredOff(nv);
        tpm.powerOn();
        expect(tpm.faults).toEqual([]);
        decodePermanent(encodePermanent(tpm.tpm.state.nv));
      }),
      { numRuns: 150 },
    );
  });
});

test("a counter of audited commands that is at its end begins again, and the state can be written", () => {
  const nv = decodePermanent(permanentImage("lib011-default-v1"));
  const tpm = new TestTpm();
  tpm.tpm.state = poweredOff({ ...nv, persistent: { ...nv.persistent, auditCounter: 2n ** 64n - 1n } });
  tpm.powerOn();
  tpm.send(fromHex("80010000000c0000017b0008")); // GetRandom, which this TPM audits
  expect(decodePermanent(encodePermanent(tpm.tpm.state.nv)).persistent.auditCounter).toBe(0n);
});

test("clock and time that are at their end begin again, and the state can be written", () => {
  const END = 2n ** 64n - 1n;
  const nv = decodePermanent(permanentImage("lib011-default-v1"));
  const tpm = new TestTpm();
  tpm.tpm.state = poweredOff({ ...nv, orderly: { ...nv.orderly, clock: END } });
  tpm.powerOn();
  const { state } = tpm.tpm;
  tpm.tpm.state = { ...state, ram: { ...state.ram, time: END, orderly: { ...state.ram.orderly, clock: END } } };
  tpm.platform.clock += 5;
  tpm.send(fromHex("80010000000a00000181")); // ReadClock
  expect(tpm.faults).toEqual([]);
  const { ram } = tpm.tpm.state;
  expect([ram.time, ram.orderly.clock]).toEqual([4n, 4n]);
  tpm.send(fromHex("80010000000c000001450000")); // Shutdown(CLEAR), which stores the clock
  expect(tpm.faults).toEqual([]);
  expect(decodePermanent(encodePermanent(tpm.tpm.state.nv)).orderly.clock).toBe(4n);
});
