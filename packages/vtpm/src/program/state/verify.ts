import type { CryptoProvider } from "@vtpm/crypto";
import { decodeVolatile, encodePermanent } from "@vtpm/state";
import { equalBytes } from "@vtpm/wire";
import { usable } from "../../host/usable.ts";
import { StoreError } from "../../store/store-error.ts";
import type { OpenedState } from "./opened-state.ts";

/** What is read of a running TPM depends on when it is: this is only to see whether it can be. */
const SOME_TIME = { monotonicMs: 0n, wallClockMs: 0n };

/**
 * Says what was found good. What cannot be read has been refused before; here it is written again, and must be what it was. Throws a
 * `StoreError`.
 */
export function verify(
  { location, permanent, volatile, nv, changes }: OpenedState,
  crypto: CryptoProvider,
  json: boolean,
): string {
  if (volatile !== undefined && nv !== undefined) {
    usable(`volatile state of ${location}`, () => decodeVolatile(volatile.image, nv, { ...SOME_TIME, crypto }));
  }
  if (
    permanent !== undefined &&
    nv !== undefined &&
    changes === 0 &&
    !equalBytes(encodePermanent(nv), permanent.image)
  ) {
    throw new StoreError(
      "STATE_DAMAGED",
      `permanent state of ${location}: it can be read, but says things in a way nobody writes them`,
    );
  }
  const good = {
    location,
    permanent: permanent !== undefined,
    changesInJournal: changes,
    volatile: volatile !== undefined,
  };
  if (json) return `${JSON.stringify(good)}\n`;
  const parts = [
    ...(permanent === undefined ? [] : ["permanent state"]),
    ...(changes === 0 ? [] : [`journal of ${changes} changes`]),
    ...(volatile === undefined
      ? []
      : [nv === undefined ? "volatile state (its envelope only, without the permanent state)" : "volatile state"]),
  ];
  return `${location}: ${parts.join(", ")}: good\n`;
}
