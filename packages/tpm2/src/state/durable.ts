import {
  ANY,
  type Bytes,
  buffer,
  type Codec,
  decode,
  encode,
  list,
  optional,
  Refusal,
  type Rules,
  struct,
  UINT8,
  UINT32,
} from "@vtpm/wire";
import { limitsOf, PROFILE_FORMAT } from "../profile.ts";
import { ORDERLY_DATA, PERSISTENT_DATA, STATE_CLEAR_DATA, STATE_RESET_DATA } from "./data.ts";
import { EXTENSION } from "./extension.ts";
import { NV_INDEX, ORDERLY_INDEX } from "./nv-index.ts";
import { OBJECT } from "./object.ts";
import { IMAGE_FORM, type NvState } from "./tpm-state.ts";

/** One entry of the durable state to be written, or removed where there is no value. */
export interface Change {
  readonly key: string;
  readonly value: Bytes | undefined;
}

/** Stored state that cannot be a TPM's: names the entry and the reason. */
export class StateError extends Error {
  override readonly name = "StateError";
  readonly entry: string;

  constructor(entry: string, reason: string, options?: ErrorOptions) {
    super(`state entry ${JSON.stringify(entry)}: ${reason}`, options);
    this.entry = entry;
  }
}

type Sections = Omit<NvState, "indices" | "objects" | "orderlyIndices">;

/** The entries of which there is one. */
const SECTIONS: { readonly [K in keyof Sections]-?: Codec<NonNullable<Sections[K]>> } = {
  profile: PROFILE_FORMAT,
  persistent: PERSISTENT_DATA,
  orderly: ORDERLY_DATA,
  stateReset: STATE_RESET_DATA,
  stateClear: STATE_CLEAR_DATA,
  extension: EXTENSION,
  imageForm: IMAGE_FORM,
};

/** The entries of which there is one per handle, by the prefix of their key. */
const TABLES = {
  indices: { prefix: "nv/", codec: NV_INDEX },
  objects: { prefix: "evict/", codec: OBJECT },
  orderlyIndices: { prefix: "orderly/", codec: ORDERLY_INDEX },
} as const;

type TableName = keyof typeof TABLES;
const TABLE_NAMES = Object.keys(TABLES) as readonly TableName[]; // `keys` forgets the literal types
const SECTION_NAMES = Object.keys(SECTIONS) as readonly (keyof Sections)[]; // the same

const keyOf = (table: TableName, handle: number): string => TABLES[table].prefix + handle.toString(16).padStart(8, "0");

/** What has to be written so that `after` is stored, given that `before` is; without `before`, all of it. */
export function durableChanges(before: NvState | undefined, after: NvState): Change[] {
  const changes: Change[] = [];
  if (before === after) return changes;
  for (const name of SECTION_NAMES) {
    const value = after[name];
    if (before !== undefined && before[name] === value) continue;
    // Name and codec belong together by the type of SECTIONS, which a loop over the names cannot express.
    changes.push({
      key: name,
      value: value === undefined ? undefined : encode(SECTIONS[name] as Codec<unknown>, value),
    });
  }
  for (const name of TABLE_NAMES) {
    const old: ReadonlyMap<number, unknown> | undefined = before?.[name];
    const now: ReadonlyMap<number, unknown> = after[name];
    if (old === now) continue;
    for (const [handle, value] of now) {
      if (old?.get(handle) === value) continue;
      changes.push({ key: keyOf(name, handle), value: encode(TABLES[name].codec as Codec<unknown>, value) });
    }
    for (const handle of old?.keys() ?? []) {
      if (!now.has(handle)) changes.push({ key: keyOf(name, handle), value: undefined });
    }
  }
  return changes;
}

/**
 * The state after `changes` to `before`; without `before` they say all of it. Throws a `StateError` for what is missing,
 * malformed or unknown.
 */
export function applyChanges(before: NvState | undefined, changes: readonly Change[]): NvState {
  const values = new Map(changes.map(({ key, value }) => [key, value]));
  const profileBytes = values.get("profile");
  const profile =
    profileBytes === undefined ? before?.profile : decodeEntry("profile", PROFILE_FORMAT, profileBytes, ANY);
  if (profile === undefined) throw new StateError("profile", "is missing");
  const rules = limitsOf(profile);
  const section = <T>(name: keyof Sections, codec: Codec<T>, old: T | undefined): T | undefined => {
    const bytes = values.get(name);
    if (bytes === undefined) return values.has(name) ? undefined : old;
    return decodeEntry(name, codec, bytes, rules);
  };
  const required = <T>(name: keyof Sections, codec: Codec<T>, old: T | undefined): T => {
    const value = section(name, codec, old);
    if (value === undefined) throw new StateError(name, "is missing");
    return value;
  };
  const table = <T>(prefix: string, codec: Codec<T>, old: ReadonlyMap<number, T> | undefined) => {
    const entries = new Map(old);
    for (const [key, bytes] of values) {
      if (!key.startsWith(prefix)) continue;
      const handle = handleOf(key, prefix);
      if (bytes === undefined) entries.delete(handle);
      else entries.set(handle, decodeEntry(key, codec, bytes, rules));
    }
    return entries;
  };
  for (const key of values.keys()) {
    if (!Object.hasOwn(SECTIONS, key) && !TABLE_NAMES.some((name) => key.startsWith(TABLES[name].prefix))) {
      throw new StateError(key, "is not known to this version");
    }
  }
  return {
    profile,
    persistent: required("persistent", PERSISTENT_DATA, before?.persistent),
    orderly: required("orderly", ORDERLY_DATA, before?.orderly),
    stateReset: section("stateReset", STATE_RESET_DATA, before?.stateReset),
    stateClear: section("stateClear", STATE_CLEAR_DATA, before?.stateClear),
    extension: section("extension", EXTENSION, before?.extension),
    imageForm: section("imageForm", IMAGE_FORM, before?.imageForm),
    indices: table(TABLES.indices.prefix, NV_INDEX, before?.indices),
    objects: table(TABLES.objects.prefix, OBJECT, before?.objects),
    orderlyIndices: table(TABLES.orderlyIndices.prefix, ORDERLY_INDEX, before?.orderlyIndices),
  };
}

/** Larger than anything a TPM keeps under one key. */
const MAX_VALUE_SIZE = 0x100_0000;

/** A key: short and ASCII. */
const KEY: Codec<string> = (() => {
  const text = buffer("key", { base: UINT8, max: 0xff });
  return {
    name: text.name,
    shape: text.shape,
    read: (reader) => String.fromCharCode(...text.read(reader)),
    write(writer, key) {
      const letters = new Uint8Array(key.length);
      for (let i = 0; i < key.length; i++) letters[i] = key.charCodeAt(i);
      text.write(writer, letters);
    },
    text: (key) => key,
  };
})();

const VALUE = buffer("value", { base: UINT32, max: MAX_VALUE_SIZE });
const CHANGES = list("changes", struct("change", { key: KEY, value: optional(VALUE) }), { max: 0xffff });

/** Changes as bytes, for a journal. */
export function encodeChanges(changes: readonly Change[]): Bytes {
  return encode(CHANGES, changes);
}

/** Reads them back. Throws a `StateError`. */
export function decodeChanges(bytes: Bytes): readonly Change[] {
  return decodeEntry("changes", CHANGES, bytes, ANY);
}

function handleOf(key: string, prefix: string): number {
  const digits = key.slice(prefix.length);
  if (!/^[0-9a-f]{8}$/.test(digits)) throw new StateError(key, "expected eight hex digits behind the prefix");
  return Number.parseInt(digits, 16);
}

function decodeEntry<T>(key: string, codec: Codec<T>, bytes: Bytes, rules: Rules): T {
  try {
    return decode(codec, bytes, rules);
  } catch (error) {
    if (error instanceof Refusal) throw new StateError(key, error.message, { cause: error });
    throw error;
  }
}
