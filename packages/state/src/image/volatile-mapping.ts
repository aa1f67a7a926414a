import { HANDLE } from "@vtpm/tpm2/spec";
import {
  type ANY_OBJECT,
  emptySlot,
  isUnusedRsaKey,
  type NvState,
  type OBJECT_IMAGE,
  oldestSavedSession,
  type PCR_BANKS,
  type RAM_STATE,
  type SESSION,
  slotFromImage,
  slotToImage,
} from "@vtpm/tpm2/state";
import type { Bytes } from "@vtpm/wire";
import { Headers } from "./headers.ts";
import { formOf } from "./image-form.ts";
import { PCR_COUNT } from "./pcr-banks.ts";
import type { LoadedSession } from "./session.ts";
import type { VOLATILE_FORM } from "./volatile-form.ts";
import type { VOLATILE_STATE } from "./volatile-state.ts";

const SLOTS = [0, 1, 2] as const;
/** libtpms' number for no session. */
const NO_SESSION = 65;

/** What transient handles refer to, and what a TPM has no use for. */
export function objectsFromImage(slots: readonly OBJECT_IMAGE[]): {
  readonly objects: ReadonlyMap<number, ANY_OBJECT>;
  readonly slotAttributes: readonly number[];
  readonly withoutExponent: readonly number[];
} {
  const objects = new Map<number, ANY_OBJECT>();
  const withoutExponent: number[] = [];
  for (const [i, image] of slots.entries()) {
    const handle = HANDLE.TRANSIENT_FIRST + i;
    const object = slotFromImage(image);
    if (object !== undefined) objects.set(handle, object);
    if (isUnusedRsaKey(image)) withoutExponent.push(handle);
  }
  const slotAttributes = slots.map((image) => (slotFromImage(image) === undefined ? image.content.attributes : 0));
  return { objects, slotAttributes, withoutExponent };
}

/** The slots; their keys are of the same version as those of the permanent state. */
export function objectsToImage(
  objects: ReadonlyMap<number, ANY_OBJECT>,
  { profile, imageForm }: NvState,
  { slotAttributes, withoutExponent }: VOLATILE_FORM,
): OBJECT_IMAGE[] {
  const header = new Headers(profile.stateFormatLevel, formOf(imageForm).headers).of("OBJECT");
  return SLOTS.map((slot) => {
    const handle = HANDLE.TRANSIENT_FIRST + slot;
    const object = objects.get(handle);
    if (object === undefined) return emptySlot(slotAttributes[slot]);
    return slotToImage(object, { header, withoutExponent: withoutExponent.includes(handle) });
  });
}

type Pcr = VOLATILE_STATE["pcrs"]["values"][number];

export function pcrsFromImage(values: readonly Pcr[]): PCR_BANKS {
  const banks = new Map<number, Bytes[]>();
  for (const { banks: ofPcr } of values) {
    for (const [hashAlg, [value]] of ofPcr) {
      if (value !== undefined) banks.set(hashAlg, [...(banks.get(hashAlg) ?? []), value]);
    }
  }
  return banks;
}

export function pcrsToImage(pcrs: PCR_BANKS): Pcr[] {
  return Array.from({ length: PCR_COUNT }, (_, pcr) => {
    const banks = new Map<number, readonly Bytes[]>();
    for (const [hashAlg, values] of pcrs) {
      const value = values[pcr];
      if (value !== undefined) banks.set(hashAlg, [value]);
    }
    return { banks };
  });
}

export function sessionsFromImage(slots: readonly (LoadedSession | undefined)[]): {
  readonly sessions: ReadonlyMap<number, SESSION>;
  readonly includeAuth: readonly number[];
} {
  const sessions = new Map<number, SESSION>();
  const includeAuth: number[] = [];
  for (const [slot, loaded] of slots.entries()) {
    if (loaded === undefined) continue;
    sessions.set(slot, loaded.session);
    if (loaded.includeAuth) includeAuth.push(slot);
  }
  return { sessions, includeAuth };
}

export function sessionsToImage(
  { sessions, stateReset }: RAM_STATE,
  { includeAuth }: VOLATILE_FORM,
): VOLATILE_STATE["sessions"] {
  const slots = SLOTS.map((slot) => {
    const session = sessions.get(slot);
    return session && { session, includeAuth: includeAuth.includes(slot) };
  });
  return { slots, oldestSaved: oldestSavedSession(stateReset) ?? NO_SESSION, freeSlots: SLOTS.length - sessions.size };
}
