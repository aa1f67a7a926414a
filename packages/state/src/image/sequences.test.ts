import { createNodeProvider } from "@vtpm/crypto/node";
import { DEFAULT_V1, LATEST, NULL_PROFILE, type TpmState } from "@vtpm/tpm2";
import { campaign } from "@vtpm/tpm2/testing/fuzz";
import { expect, test } from "vitest";
import { differenceOf } from "../testing/difference.ts";
import { decodePermanent, encodePermanent } from "./permanent.ts";
import { decodeVolatile, encodeVolatile } from "./volatile.ts";

const crypto = createNodeProvider();
/** The wall clock stands still while a TPM is moved. */
const WALL_CLOCK = 1_800_000_000_000n;

/** Writes both images and reads them back; what was read is written as it was. */
function moved(state: TpmState, nowMs: number): TpmState {
  const clocks = { monotonicMs: BigInt(nowMs), wallClockMs: WALL_CLOCK, crypto };
  const permanent = encodePermanent(state.nv);
  const volatile = encodeVolatile(state, clocks);
  const after = decodeVolatile(volatile, decodePermanent(permanent), clocks);
  const difference =
    differenceOf(encodePermanent(after.nv), permanent) ?? differenceOf(encodeVolatile(after, clocks), volatile);
  if (difference !== undefined) throw new Error(`written again it differs ${difference}`);
  // A TPM that goes on elsewhere tests its algorithms anew, as in libtpms: that alone can be told.
  return { nv: after.nv, ram: { ...after.ram, untested: state.ram.untested } };
}

test.each([
  ["null", NULL_PROFILE],
  ["default-v1", DEFAULT_V1],
  ["latest", LATEST],
])(
  "a TPM of profile %s that is moved before every command answers as one that stays",
  { timeout: 240_000 },
  async (_name, profile) => {
    const SEQUENCES = 1;
    const { failure, sequences } = await campaign({
      seed: 4,
      profile,
      move: moved,
      length: 200,
      now: () => performance.now(),
      isOver: (done) => done >= SEQUENCES,
    });
    expect(failure).toBeUndefined();
    expect(sequences).toBe(SEQUENCES);
  },
);
