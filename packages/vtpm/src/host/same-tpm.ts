import { durableChanges, encodeChanges, type NvState } from "@vtpm/tpm2";
import { type Bytes, equalBytes } from "@vtpm/wire";

/**
 * Whether two durable states are the same but for what stopping a TPM in an orderly way does: nothing that a caller has been
 * answered since depends on the difference.
 */
export function isSameTpm(one: NvState, other: NvState | undefined): boolean {
  return other !== undefined && equalBytes(essence(one), essence(other));
}

function essence(nv: NvState): Bytes {
  const stopped: NvState = {
    ...nv,
    persistent: { ...nv.persistent, orderlyState: 0 },
    orderly: { clock: 0n, clockSafe: 0, selfHealTimer: 0n, lockoutTimer: 0n, time: 0n },
    orderlyIndices: new Map(),
    stateReset: undefined,
    stateClear: undefined,
    extension: undefined,
  };
  return encodeChanges(durableChanges(undefined, stopped).sort((a, b) => (a.key < b.key ? -1 : 1)));
}
