import { type Bytes, toHex } from "./bytes.ts";
import { UINT8, UINT16 } from "./integers.ts";
import type { Reader } from "./reader.ts";
import type { Codec } from "./schema.ts";
import type { Writer } from "./writer.ts";

/** Reads the two things in front of a block: whether it is there, and how many bytes it takes. */
function readHead(reader: Reader, name: string): { readonly present: boolean; readonly size: number } {
  const start = reader.offset;
  const present = reader.part("present", UINT8);
  if (present > 1) throw reader.refuse("VALUE", `${present} does not say whether ${name} is there`, start);
  const size = reader.part("size", UINT16);
  if (size > reader.remaining) {
    throw reader.refuse("SIZE", `${name} of ${size} bytes, but only ${reader.remaining} follow`, start);
  }
  if (present === 0 && size > 0) throw reader.refuse("SIZE", `${name} is absent, but takes ${size} bytes`, start);
  return { present: present === 1, size };
}

function readContent<T>(reader: Reader, name: string, content: Codec<T>, size: number): T {
  const start = reader.offset;
  const value = reader.part(content.name, content);
  const used = reader.offset - start;
  if (used !== size) throw reader.refuse("SIZE", `${name} says ${size} bytes, its content takes ${used}`, start);
  return value;
}

function writeBlock<T>(writer: Writer, content: Codec<T>, value: T): void {
  writer.uint8(1);
  const start = writer.size;
  writer.uint16(0);
  content.write(writer, value);
  writer.patchUint16(start, writer.size - start - 2);
}

/** What libtpms wraps because another build of it may lack the part; here it has to be there. */
export function block<T>(content: Codec<T>): Codec<T> {
  const name = `block of ${content.name}`;
  return {
    name,
    shape: { kind: "foreign" },
    read(reader) {
      const start = reader.offset;
      const { present, size } = readHead(reader, name);
      if (!present) throw reader.refuse("VALUE", `${name} is missing`, start);
      return readContent(reader, name, content, size);
    },
    write: (writer, value) => writeBlock(writer, content, value),
    text: () => "",
  };
}

/** The same where the part may be absent. */
export function optionalBlock<T>(content: Codec<T>): Codec<T | undefined> {
  const name = `block of ${content.name}?`;
  return {
    name,
    shape: { kind: "foreign" },
    read(reader) {
      const { present, size } = readHead(reader, name);
      return present ? readContent(reader, name, content, size) : undefined;
    },
    write(writer, value) {
      if (value === undefined) {
        writer.uint8(0);
        writer.uint16(0);
      } else {
        writeBlock(writer, content, value);
      }
    },
    text: (value) => (value === undefined ? "absent" : ""),
  };
}

/**
 * What a later version of libtpms adds at the end of a structure: bytes that nobody here understands, and that are written
 * back. Empty in a structure of a version that is known; `undefined` where the mark itself says that there is nothing.
 */
export const LATER_ADDITIONS: Codec<Bytes | undefined> = {
  name: "later additions",
  shape: { kind: "foreign" },
  read(reader) {
    const { present, size } = readHead(reader, this.name);
    return present ? reader.bytes(size) : undefined;
  },
  write(writer, bytes) {
    writer.uint8(bytes === undefined ? 0 : 1);
    writer.uint16(bytes?.length ?? 0);
    if (bytes !== undefined) writer.bytes(bytes);
  },
  text: (bytes) => (bytes === undefined ? "absent" : toHex(bytes)),
};
