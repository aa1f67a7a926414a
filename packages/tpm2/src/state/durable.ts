import { ANY, type Bytes, type Codec, decode, encode, Refusal, type Rules } from "@vtpm/wire";
import { limitsOf, PROFILE_FORMAT } from "../profile.ts";
import { ORDERLY_DATA, PERSISTENT_DATA, STATE_CLEAR_DATA, STATE_RESET_DATA } from "./data.ts";
import { EXTENSION } from "./extension.ts";
import { NV_INDEX, ORDERLY_INDEX } from "./nv-index.ts";
import { OBJECT } from "./object.ts";
import type { NvState, TpmState } from "./tpm-state.ts";

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

/** What has to be written so that the durable part of `after` is stored, given that that of `before` is. */
export function durableChanges(before: TpmState | undefined, after: TpmState): Change[] {
  const changes: Change[] = [];
  if (before?.nv === after.nv) return changes;
  for (const name of SECTION_NAMES) {
    const value = after.nv[name];
    if (before !== undefined && before.nv[name] === value) continue;
    // Name and codec belong together by the type of SECTIONS, which a loop over the names cannot express.
    changes.push({
      key: name,
      value: value === undefined ? undefined : encode(SECTIONS[name] as Codec<unknown>, value),
    });
  }
  for (const name of TABLE_NAMES) {
    const old: ReadonlyMap<number, unknown> | undefined = before?.nv[name];
    const now: ReadonlyMap<number, unknown> = after.nv[name];
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

/** Reads stored entries back. Throws a `StateError` for what is missing, malformed or unknown. */
export function fromDurable(entries: ReadonlyMap<string, Bytes>): NvState {
  const profileBytes = entries.get("profile");
  if (profileBytes === undefined) throw new StateError("profile", "is missing");
  const profile = decodeEntry("profile", PROFILE_FORMAT, profileBytes, ANY);
  const rules = limitsOf(profile);
  const section = <T>(name: keyof Sections, codec: Codec<T>): T | undefined => {
    const bytes = entries.get(name);
    return bytes === undefined ? undefined : decodeEntry(name, codec, bytes, rules);
  };
  const required = <T>(name: keyof Sections, codec: Codec<T>): T => {
    const value = section(name, codec);
    if (value === undefined) throw new StateError(name, "is missing");
    return value;
  };
  const table = <T>(prefix: string, codec: Codec<T>): ReadonlyMap<number, T> => {
    const values = new Map<number, T>();
    for (const [key, bytes] of entries) {
      if (key.startsWith(prefix)) values.set(handleOf(key, prefix), decodeEntry(key, codec, bytes, rules));
    }
    return values;
  };
  for (const key of entries.keys()) {
    if (!Object.hasOwn(SECTIONS, key) && !TABLE_NAMES.some((name) => key.startsWith(TABLES[name].prefix))) {
      throw new StateError(key, "is not known to this version");
    }
  }
  return {
    profile,
    persistent: required("persistent", PERSISTENT_DATA),
    orderly: required("orderly", ORDERLY_DATA),
    stateReset: section("stateReset", STATE_RESET_DATA),
    stateClear: section("stateClear", STATE_CLEAR_DATA),
    extension: section("extension", EXTENSION),
    indices: table(TABLES.indices.prefix, NV_INDEX),
    objects: table(TABLES.objects.prefix, OBJECT),
    orderlyIndices: table(TABLES.orderlyIndices.prefix, ORDERLY_INDEX),
  };
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
