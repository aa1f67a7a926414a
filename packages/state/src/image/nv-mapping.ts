import {
  type NV_INDEX,
  type NvState,
  type OBJECT,
  OBJECT_IMAGE,
  type ObjectHeader,
  type ORDERLY_INDEX,
  SLOT,
  slotFromImage,
  slotToImage,
} from "@vtpm/tpm2/state";
import { encode } from "@vtpm/wire";
import { isExternal } from "./beyond.ts";
import type { IMAGE_FORM } from "./image-form.ts";
import { indexEntrySize, type NvEntry, type RamEntry } from "./nv-storage.ts";

export function orderlyIndicesFromImage(entries: readonly RamEntry[]): ReadonlyMap<number, ORDERLY_INDEX> {
  return new Map(entries.map(({ handle, attributes, data }) => [handle, { attributes, data }]));
}

export function orderlyIndicesToImage(indices: ReadonlyMap<number, ORDERLY_INDEX>): RamEntry[] {
  return [...indices].filter(([handle]) => !isExternal(handle)).map(([handle, index]) => ({ handle, ...index }));
}

export function indicesFromImage(entries: readonly NvEntry[]): ReadonlyMap<number, NV_INDEX> {
  const indices = new Map<number, NV_INDEX>();
  for (const entry of entries) {
    if (entry.kind !== "index") continue;
    const { publicArea, authValue, data } = entry;
    indices.set(entry.handle, { publicArea, authValue, data });
  }
  return indices;
}

export function objectsFromImage(entries: readonly NvEntry[]): ReadonlyMap<number, OBJECT> {
  const objects = new Map<number, OBJECT>();
  for (const entry of entries) {
    if (entry.kind !== "object") continue;
    const slot = slotFromImage(entry.object);
    if (slot?.kind !== SLOT.KEY) throw new RangeError(`0x${entry.handle.toString(16)} is not an object`); // was read as one
    const { kind: _, ...object } = slot;
    objects.set(entry.handle, object);
  }
  return objects;
}

/** Bytes that a persistent object takes in the memory of libtpms 0.9, whatever it is. */
const UNPACKED_OBJECT_SIZE = 2608;
/** In front of a packed one: what it takes, and its handle. */
const OBJECT_OVERHEAD = 8;

/** What a persistent object takes in NV memory. */
export function objectEntrySize(object: OBJECT_IMAGE, level: number): number {
  return level < 2 ? UNPACKED_OBJECT_SIZE : OBJECT_OVERHEAD + encode(OBJECT_IMAGE, object).length;
}

/** NV Indices and objects in the order of the image they come from; those that it does not know follow. */
export function nvToImage(
  { indices, objects, profile }: NvState,
  { nvOrder, entrySizes, withoutExponent }: IMAGE_FORM,
  objectHeader: ObjectHeader,
): NvEntry[] {
  const lazy = new Set(withoutExponent);
  const entryOf = (handle: number): NvEntry | undefined => {
    const index = indices.get(handle);
    if (index !== undefined) {
      const expected = indexEntrySize(index.data.length);
      return {
        kind: "index",
        handle,
        size: index.data.length === 0 ? expected : (entrySizes.get(handle) ?? expected),
        ...index,
      };
    }
    const object = objects.get(handle);
    if (object === undefined) return undefined;
    const image = slotToImage(
      { kind: SLOT.KEY, ...object },
      { header: objectHeader, evictHandle: handle, withoutExponent: lazy.has(handle) },
    );
    const size = entrySizes.get(handle) ?? objectEntrySize(image, profile.stateFormatLevel);
    return { kind: "object", handle, size, object: image };
  };
  const handles = new Set([...nvOrder, ...indices.keys(), ...objects.keys()]);
  return [...handles].filter((handle) => !isExternal(handle)).flatMap((handle) => entryOf(handle) ?? []);
}
