import { TPMA_NV } from "@vtpm/tpm2/spec";
import { type Bytes, type Codec, concatBytes, constant, UINT16, UINT32_LE } from "@vtpm/wire";
import { checkRamEntry, type RamEntry, ramSizeOf } from "./nv-storage.ts";

/** The size of the memory in every libtpms. */
export const NATIVE_RAM_SIZE = 512;
const HEADER_SIZE = 12;

/** The memory as it is, and what is left in it behind the last entry. */
export interface NativeRam {
  readonly entries: readonly RamEntry[];
  /** Begins with the empty entry that ends the list, if there is room for it. */
  readonly rest: Bytes;
}

const SIZE = constant("size", UINT16, NATIVE_RAM_SIZE);

/**
 * The orderly NV Indices of a running TPM as they lie in libtpms' memory, on machines that put the low byte first: which is
 * nearly all of them. The data is what a caller has written, and of counters big-endian.
 */
export const NATIVE_RAM: Codec<NativeRam> = {
  name: "native RAM",
  shape: { kind: "foreign" },
  read(reader) {
    reader.part("size", SIZE);
    const start = reader.offset;
    const end = start + NATIVE_RAM_SIZE;
    const entries: RamEntry[] = [];
    let rest: Bytes;
    for (;;) {
      const at = reader.offset;
      const room = end - at;
      if (room < HEADER_SIZE) {
        rest = reader.bytes(room);
        break;
      }
      const size = reader.part("entrySize", UINT32_LE);
      if (size === 0) {
        rest = concatBytes(new Uint8Array(4), reader.bytes(room - 4));
        break;
      }
      const handle = reader.part("handle", UINT32_LE);
      const attributes = reader.part("attributes", UINT32_LE);
      if (size < HEADER_SIZE || size > room)
        throw reader.refuse("SIZE", `an entry of ${size} bytes, of ${room} that are left`, at);
      if (TPMA_NV.reserved(attributes) !== 0) {
        throw reader.refuse("RESERVED_BITS", `0x${attributes.toString(16)} has bits that TPMA_NV reserves`, at);
      }
      const entry = { handle, attributes, data: reader.bytes(size - HEADER_SIZE) };
      checkRamEntry(reader, at, entries, entry, room);
      entries.push(entry);
    }
    return { entries, rest };
  },
  write(writer, { entries, rest }) {
    SIZE.write(writer, NATIVE_RAM_SIZE);
    const start = writer.size;
    for (const entry of entries) {
      UINT32_LE.write(writer, ramSizeOf(entry));
      UINT32_LE.write(writer, entry.handle);
      UINT32_LE.write(writer, entry.attributes);
      writer.bytes(entry.data);
    }
    const room = NATIVE_RAM_SIZE - (writer.size - start);
    // What lay behind the entries means nothing, and does so only in the place where it was.
    writer.bytes(rest.length === room ? rest : new Uint8Array(room));
  },
  text: ({ entries }) => `${entries.length} entries`,
};
