import type { VolatileContext } from "@vtpm/state";
import type { Platform } from "@vtpm/tpm2";

/** The clocks at this moment, for writing and reading volatile state: the wall's tells for how long it was away. */
export function volatileContext(platform: Platform): VolatileContext {
  const monotonicMs = BigInt(Math.floor(platform.now()));
  return { monotonicMs, wallClockMs: BigInt(Date.now()), crypto: platform.crypto };
}
