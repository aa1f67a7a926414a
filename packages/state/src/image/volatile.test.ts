import { createNodeProvider } from "@vtpm/crypto/node";
import { NULL_PROFILE } from "@vtpm/tpm2";
import { limitsOf, type TpmState } from "@vtpm/tpm2/state";
import { rcOf, TestTpm } from "@vtpm/tpm2/testing";
import { type Bytes, concatBytes, EMPTY, encode, fromHex, toHex } from "@vtpm/wire";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ImageError } from "../image-error.ts";
import { damaged, nextCut } from "../testing/damage.ts";
import { differenceOf } from "../testing/difference.ts";
import { liveImage, permanentImage } from "../testing/images.ts";
import { readJsonVector } from "../testing/vectors.ts";
import { decodePermanent } from "./permanent.ts";
import { readImage } from "./read-image.ts";
import { decodeVolatile, encodeVolatile, type VolatileContext } from "./volatile.ts";
import { VOLATILE_STATE } from "./volatile-state.ts";

const crypto = createNodeProvider();
const DIGEST_SIZE = 20;

/** A state with the digest that goes with it. */
const withDigest = (body: Bytes): Bytes => concatBytes(body, crypto.hash("SHA1", body));

function errorOf(action: () => unknown): ImageError | undefined {
  try {
    action();
    return undefined;
  } catch (error) {
    if (error instanceof ImageError) return error;
    throw error;
  }
}

describe.each(["lib092-null", "lib011-default-v1"])("the volatile state of %s", (name) => {
  const image = liveImage(name, "volatile");
  const body = image.slice(0, image.length - DIGEST_SIZE);
  const nv = decodePermanent(liveImage(name, "permanent"));
  const { monotonicTime = 0n, wallClock, time } = readImage(VOLATILE_STATE, body, limitsOf(NULL_PROFILE));
  const then: VolatileContext = { monotonicMs: monotonicTime, wallClockMs: wallClock, crypto };
  const { answersAfterResume } = readJsonVector<{ readonly answersAfterResume: readonly { command: string }[] }>(
    `libtpms/${name}.live.json`,
  );

  /** A TPM that goes on with a state; `monotonicMs` is what its platform's clock says. */
  function resumed(state: TpmState, monotonicMs: bigint): TestTpm {
    const tpm = new TestTpm();
    tpm.platform.clock = Number(monotonicMs);
    tpm.tpm.state = state;
    return tpm;
  }

  test("is written as it was read", () => {
    expect(differenceOf(encodeVolatile(decodeVolatile(image, nv, then), then), image)).toBeUndefined();
  });

  test("keeps what stands between the state and its digest", () => {
    const longer = withDigest(concatBytes(body, Uint8Array.of(1, 2, 3)));
    expect(differenceOf(encodeVolatile(decodeVolatile(longer, nv, then), then), longer)).toBeUndefined();
  });

  test("keeps all that is left of the last command but its password", () => {
    const password = fromHex("c0ffee5ec2e7");
    const state = readImage(VOLATILE_STATE, body, limitsOf(NULL_PROFILE));
    const imageWith = (inputAuth: Bytes): Bytes => {
      const sessions = state.lastCommand.sessions.map((session) => ({ ...session, associatedHandle: 7, inputAuth }));
      return withDigest(encode(VOLATILE_STATE, { ...state, lastCommand: { ...state.lastCommand, sessions } }));
    };
    const read = decodeVolatile(imageWith(password), nv, then);
    expect(toHex(read.ram.imageForm)).not.toContain(toHex(password));
    expect(differenceOf(encodeVolatile(read, then), imageWith(EMPTY))).toBeUndefined();
  });

  test("of a TPM that was away goes on later, by the time that the wall clock tells", () => {
    const AWAY = 3_600_000n;
    // The other platform was started a second ago.
    const now: VolatileContext = { monotonicMs: 1000n, wallClockMs: wallClock + AWAY, crypto };
    const tpm = resumed(decodeVolatile(image, nv, now), now.monotonicMs);
    tpm.send(fromHex("80010000000a00000181"));
    const passed = tpm.tpm.state.ram.time - time - AWAY;
    expect(passed >= 0n && passed < 100n, `${passed} ms more`).toBe(true);

    const later: VolatileContext = { monotonicMs: 51_000n, wallClockMs: wallClock + AWAY + 50_000n, crypto };
    const third: VolatileContext = { monotonicMs: 7n, wallClockMs: later.wallClockMs, crypto };
    const again = resumed(decodeVolatile(encodeVolatile(tpm.tpm.state, later), nv, third), third.monotonicMs);
    again.send(fromHex("80010000000a00000181"));
    expect(again.tpm.state.ram.time - tpm.tpm.state.ram.time).toBe(50_000n);
  });

  test("goes on at once where the wall clock has been set back", () => {
    const now: VolatileContext = { monotonicMs: 1000n, wallClockMs: wallClock - 5000n, crypto };
    const tpm = resumed(decodeVolatile(image, nv, now), now.monotonicMs);
    tpm.send(fromHex("80010000000a00000181"));
    expect(tpm.tpm.state.ram.time - time).toBeLessThan(100n);
  });

  test("is refused with another digest, and of another TPM", () => {
    const changed = image.slice();
    changed.set([255 - (changed[400] ?? 0)], 400);
    expect(errorOf(() => decodeVolatile(changed, nv, then))?.path).toBe("VOLATILE_STATE.digest");
    expect(errorOf(() => decodeVolatile(new Uint8Array(3), nv, then))?.path).toBe("VOLATILE_STATE.digest");
    const other = decodePermanent(permanentImage("synthetic-level1-lib011"));
    expect(errorOf(() => decodeVolatile(image, other, then))?.path).toBe("VOLATILE_STATE.EPSeed");
  });

  test("is refused wherever it is cut", () => {
    const wrong: string[] = [];
    for (let size = 0; size < body.length; size = nextCut(size, body.length)) {
      const error = errorOf(() => decodeVolatile(withDigest(body.slice(0, size)), nv, then));
      if (!error?.path.startsWith("VOLATILE_STATE")) wrong.push(`cut to ${size} bytes: ${error?.path}`);
    }
    expect(wrong).toEqual([]);
  });

  test("with a byte changed is refused, or is the state of a TPM that answers and can be written", () => {
    fc.assert(
      fc.property(damaged(body), (changed) => {
        const read = (): TpmState => decodeVolatile(withDigest(changed), nv, then);
        if (errorOf(read) !== undefined) return;
        const tpm = resumed(read(), then.monotonicMs);
        encodeVolatile(tpm.tpm.state, then);
        for (const { command } of answersAfterResume) rcOf(tpm.send(fromHex(command)));
        expect(tpm.faults).toEqual([]);
        decodeVolatile(encodeVolatile(tpm.tpm.state, then), tpm.tpm.state.nv, then);
      }),
      { numRuns: 150 },
    );
  });
});
