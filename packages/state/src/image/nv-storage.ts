import { handleTypeOf, TPM_HT, TPM_NT, TPM2B_AUTH, TPMA_NV, TPMS_NV_PUBLIC } from "@vtpm/tpm2/spec";
import {
  digestSizeOf,
  OBJECT_ATTRIBUTES,
  OBJECT_IMAGE,
  type ObjectHeader,
  type NV_INDEX as StoredIndex,
} from "@vtpm/tpm2/state";
import {
  type Bytes,
  buffer,
  type Codec,
  type Reader,
  settled,
  type TypeOf,
  UINT16,
  UINT32,
  UINT64,
  versioned,
} from "@vtpm/wire";

/** Size, handle and attributes in front of an entry. */
const RAM_HEADER_SIZE = 12;
/** More than any libtpms has. */
const MAX_RAM_SIZE = 0x10000;

/** The part of an orderly NV Index that is in RAM. */
export interface RamEntry {
  readonly handle: number;
  readonly attributes: number;
  readonly data: Bytes;
}

/** What the orderly Indices of a TPM take in RAM, and how large that RAM is. */
export interface OrderlyRam {
  readonly size: number;
  readonly entries: readonly RamEntry[];
}

/** Bytes that an entry takes in RAM. */
export const ramSizeOf = ({ data }: Pick<RamEntry, "data">): number => RAM_HEADER_SIZE + data.length;

const RAM_DATA = buffer("data", { base: UINT16, max: 0xffff });

/**
 * The entries, and an empty one behind them, as long as there would be room for one more: then the size of the RAM tells that there
 * is none.
 */
const RAM_ENTRIES: Codec<OrderlyRam> = {
  name: "entries",
  shape: { kind: "foreign" },
  read(reader) {
    const start = reader.offset;
    const size = reader.part("size", UINT32);
    if (size > MAX_RAM_SIZE)
      throw reader.refuse("SIZE", `a RAM of ${size} bytes, expected at most ${MAX_RAM_SIZE}`, start);
    const entries: RamEntry[] = [];
    let used = 0;
    while (size - used >= RAM_HEADER_SIZE) {
      const at = reader.offset;
      const entrySize = reader.part("entrySize", UINT32);
      if (entrySize === 0) break;
      const handle = reader.part("handle", UINT32);
      const attributes = reader.part("attributes", TPMA_NV);
      const data = reader.part("data", RAM_DATA);
      if (entrySize !== ramSizeOf({ data })) {
        throw reader.refuse("SIZE", `an entry of ${entrySize} bytes with ${data.length} bytes of data`, at);
      }
      checkRamEntry(reader, at, entries, { handle, attributes, data }, size - used);
      entries.push({ handle, attributes, data });
      used += entrySize;
    }
    return { size, entries };
  },
  write(writer, { size, entries }) {
    writer.uint32(size);
    let used = 0;
    for (const entry of entries) {
      used += ramSizeOf(entry);
      writer.uint32(ramSizeOf(entry));
      writer.uint32(entry.handle);
      writer.uint32(entry.attributes);
      RAM_DATA.write(writer, entry.data);
    }
    if (size - used >= RAM_HEADER_SIZE) writer.uint32(0);
  },
  text: ({ size, entries }) => `${entries.length} entries in ${size} bytes`,
};

/** Refuses what cannot be in the RAM: twice the same, more than there is room for, or what is not orderly. */
export function checkRamEntry(
  reader: Reader,
  at: number,
  before: readonly RamEntry[],
  { handle, attributes, data }: RamEntry,
  room: number,
): void {
  const name = `0x${handle.toString(16)}`;
  if (handleTypeOf(handle) !== TPM_HT.NV_INDEX) throw reader.refuse("VALUE", `${name} is no NV Index`, at);
  if (!TPMA_NV.has(attributes, "ORDERLY")) throw reader.refuse("VALUE", `the NV Index ${name} is not orderly`, at);
  if (before.some((entry) => entry.handle === handle))
    throw reader.refuse("VALUE", `the NV Index ${name} is there twice`, at);
  if (ramSizeOf({ data }) > room) throw reader.refuse("SIZE", `the NV Index ${name} has no room in RAM`, at);
}

/** Attributes and data of the orderly NV Indices. */
export const INDEX_ORDERLY_RAM = versioned("INDEX_ORDERLY_RAM", { magic: 0x5346feab, newest: 2 }, { ram: RAM_ENTRIES });
export type INDEX_ORDERLY_RAM = TypeOf<typeof INDEX_ORDERLY_RAM>;

const NV_INDEX = settled("NV_INDEX", { magic: 0x2547265a }, { publicArea: TPMS_NV_PUBLIC, authValue: TPM2B_AUTH });

/** Bytes that libtpms takes for an Index beside its data: the size in front, and its native structure. */
const INDEX_OVERHEAD = 4 + 148;
const INDEX_DATA = buffer("data", { base: UINT32, max: "MAX_NV_INDEX_SIZE" });

/** An NV Index, or a persistent object. `size` is what it takes in libtpms' memory. */
export type NvEntry =
  | (TypeOf<typeof NV_INDEX> & {
      readonly kind: "index";
      readonly handle: number;
      readonly size: number;
      readonly data: Bytes;
    })
  | { readonly kind: "object"; readonly handle: number; readonly size: number; readonly object: OBJECT_IMAGE };

/** What an Index takes; of an orderly one libtpms relies on it. */
export const indexEntrySize = (dataSize: number): number => INDEX_OVERHEAD + dataSize;

const NV_ENTRY: Codec<NvEntry | undefined> = {
  name: "entry",
  shape: { kind: "foreign" },
  read(reader) {
    const start = reader.offset;
    const size = reader.part("size", UINT32);
    if (size === 0) return undefined;
    const handle = reader.part("handle", UINT32);
    switch (handleTypeOf(handle)) {
      case TPM_HT.NV_INDEX: {
        const index = reader.part("NV_INDEX", NV_INDEX);
        const data = reader.part("data", INDEX_DATA);
        const entry = { kind: "index", handle, size, data, ...index } as const;
        checkIndex(reader, start, entry);
        return entry;
      }
      case TPM_HT.PERSISTENT: {
        const object = reader.part("ANY_OBJECT", OBJECT_IMAGE);
        checkObject(reader, start, handle, object);
        return { kind: "object", handle, size, object };
      }
      default:
        throw reader.refuse("VALUE", `0x${handle.toString(16)} is neither an NV Index nor a persistent object`, start);
    }
  },
  write(writer, entry) {
    if (entry === undefined) {
      writer.uint32(0);
      return;
    }
    writer.uint32(entry.size);
    writer.uint32(entry.handle);
    if (entry.kind === "object") {
      OBJECT_IMAGE.write(writer, entry.object);
    } else {
      NV_INDEX.write(writer, entry);
      INDEX_DATA.write(writer, entry.data);
    }
  },
  text: (entry) => (entry === undefined ? "end" : `0x${entry.handle.toString(16)}`),
};

function checkIndex(reader: Reader, start: number, { handle, size, ...index }: NvEntry & { kind: "index" }): void {
  const complaint = complaintAboutIndex(handle, index);
  if (complaint !== undefined) throw reader.refuse(complaint.reason, complaint.text, start);
  // libtpms corrects the others, whose size depends on how it was compiled.
  if (index.data.length === 0 && size !== indexEntrySize(0)) {
    throw reader.refuse(
      "SIZE",
      `NV Index 0x${handle.toString(16)} takes ${indexEntrySize(0)} bytes, not ${size}`,
      start,
    );
  }
}

/** What is wrong with an Index, if anything. */
export function complaintAboutIndex(
  handle: number,
  { data, publicArea }: Pick<StoredIndex, "data" | "publicArea">,
): { readonly reason: "VALUE" | "SIZE"; readonly text: string } | undefined {
  const name = `NV Index 0x${handle.toString(16)}`;
  const { nvIndex, attributes, dataSize, authPolicy, nameAlg } = publicArea;
  if (nvIndex !== handle) return { reason: "VALUE", text: `${name} calls itself 0x${nvIndex.toString(16)}` };
  const expected = TPMA_NV.has(attributes, "ORDERLY") ? 0 : dataSize;
  if (data.length !== expected) {
    return { reason: "SIZE", text: `${name} has ${data.length} bytes of data, expected ${expected}` };
  }
  if (authPolicy.length !== 0 && authPolicy.length !== digestSizeOf(nameAlg)) {
    return { reason: "SIZE", text: `${name} has a policy of ${authPolicy.length} bytes` };
  }
  if (FIXED_SIZE_TYPES.includes(TPMA_NV.get(attributes, "TPM_NT")) && dataSize !== FIXED_SIZE) {
    return { reason: "SIZE", text: `${name} has ${dataSize} bytes, its type ${FIXED_SIZE}` };
  }
  return undefined;
}

const FIXED_SIZE_TYPES: readonly number[] = [TPM_NT.COUNTER, TPM_NT.BITS, TPM_NT.PIN_FAIL, TPM_NT.PIN_PASS];
const FIXED_SIZE = 8;

function checkObject(reader: Reader, start: number, handle: number, { content }: OBJECT_IMAGE): void {
  const name = `0x${handle.toString(16)}`;
  const { object, attributes } = content;
  if (object === undefined) throw reader.refuse("VALUE", `${name} is empty`, start);
  if (!OBJECT_ATTRIBUTES.has(attributes, "evict") || object.evictHandle !== handle) {
    throw reader.refuse("VALUE", `the object ${name} does not say that it is persistent there`, start);
  }
}

/** NV memory: what a caller has put there, in the order in which it came. */
interface Nvram {
  /** Bytes of memory that the writer had. */
  readonly size: bigint;
  readonly entries: readonly NvEntry[];
  /** The largest value a deleted counter Index had. */
  readonly maxCounter: bigint;
}

const NVRAM: Codec<Nvram> = {
  name: "NV memory",
  shape: { kind: "foreign" },
  read(reader) {
    const size = reader.part("size", UINT64);
    const entries: NvEntry[] = [];
    const handles = new Set<number>();
    let header: ObjectHeader | undefined;
    for (;;) {
      const start = reader.offset;
      const entry = reader.part(`entries[${entries.length}]`, NV_ENTRY);
      if (entry === undefined) break;
      if (handles.has(entry.handle)) {
        throw reader.refuse("VALUE", `0x${entry.handle.toString(16)} is there twice`, start);
      }
      handles.add(entry.handle);
      const object = entry.kind === "object" ? entry.object.content.object : undefined;
      header ??= object;
      // One program has written them all.
      if (object !== undefined && (object.version !== header?.version || object.minVersion !== header.minVersion)) {
        throw reader.refuse("VALUE", `OBJECT of version ${object.version} behind others of ${header?.version}`, start);
      }
      entries.push(entry);
    }
    return { size, entries, maxCounter: reader.part("maxCounter", UINT64) };
  },
  write(writer, { size, entries, maxCounter }) {
    writer.uint64(size);
    for (const entry of entries) NV_ENTRY.write(writer, entry);
    NV_ENTRY.write(writer, undefined);
    writer.uint64(maxCounter);
  },
  text: ({ entries }) => `${entries.length} entries`,
};

/** NV Indices and persistent objects. */
export const USER_NVRAM = versioned("USER_NVRAM", { magic: 0x094f22c3, newest: 2 }, { nv: NVRAM });
export type USER_NVRAM = TypeOf<typeof USER_NVRAM>;
