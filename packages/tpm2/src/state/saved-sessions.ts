import type { STATE_RESET_DATA } from "./data.ts";

/** Entries of the context array up to here tell the slot of a loaded session, larger ones a saved session. */
export const MAX_LOADED_SESSIONS = 3;

/** What the context array keeps of a context counter. */
export function lowBits(counter: bigint, { contextSlotMask }: STATE_RESET_DATA): number {
  return Number(counter % BigInt(contextSlotMask + 1));
}

/** The index of the session whose context was saved longest ago; `undefined`: no session is saved. */
export function oldestSavedSession(stateReset: STATE_RESET_DATA): number | undefined {
  const { contextArray, contextCounter, contextSlotMask } = stateReset;
  const slots = contextSlotMask + 1;
  let oldest: number | undefined;
  let smallest = slots;
  contextArray.forEach((entry, i) => {
    if (entry <= MAX_LOADED_SESSIONS) return;
    // Distances from the counter, round the clock: the one just ahead of it is the oldest.
    const distance = (entry - lowBits(contextCounter, stateReset) + slots) % slots;
    if (distance <= smallest) [oldest, smallest] = [i, distance];
  });
  return oldest;
}
