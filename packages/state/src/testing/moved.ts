import { createNodeProvider } from "@vtpm/crypto/node";
import type { TpmState } from "@vtpm/tpm2";
import { decodePermanent, encodePermanent } from "../image/permanent.ts";
import { decodeVolatile, encodeVolatile } from "../image/volatile.ts";
import { differenceOf } from "./difference.ts";

const crypto = createNodeProvider();
/** The wall clock stands still while a TPM is moved. */
const WALL_CLOCK = 1_800_000_000_000n;

/** A TPM that has gone through both images: they are written and read back, and what was read is written as it was. */
export function moved(state: TpmState, nowMs: number): TpmState {
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
