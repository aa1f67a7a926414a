import { UINT16 } from "./integers.ts";
import type { Codec } from "./schema.ts";

function writeSized<T>(writer: Parameters<Codec<T>["write"]>[0], inner: Codec<T>, value: T): void {
  const start = writer.size;
  writer.uint16(0);
  inner.write(writer, value);
  writer.patchUint16(start, writer.size - start - 2);
}

/**
 * A structure behind its size, such as `TPM2B_PUBLIC`. The structure is read first and its size compared afterwards, as
 * the reference does: of two mistakes the inner one is reported.
 */
export function sized<T>(name: string, inner: Codec<T>): Codec<T> {
  return {
    name,
    shape: { kind: "sized", inner, empty: false },
    read(reader) {
      const start = reader.offset;
      const size = reader.part("size", UINT16);
      if (size === 0) throw reader.refuse("SIZE", `${name} is empty`, start);
      return readInner(reader, name, inner, start, size);
    },
    write: (writer, value) => writeSized(writer, inner, value),
    text: () => "",
  };
}

/** The same where no structure at all (size zero) is a value too. */
export function optionalSized<T>(name: string, inner: Codec<T>): Codec<T | undefined> {
  return {
    name,
    shape: { kind: "sized", inner, empty: true },
    read(reader) {
      const start = reader.offset;
      const size = reader.part("size", UINT16);
      return size === 0 ? undefined : readInner(reader, name, inner, start, size);
    },
    write(writer, value) {
      if (value === undefined) writer.uint16(0);
      else writeSized(writer, inner, value);
    },
    text: (value) => (value === undefined ? "empty" : ""),
  };
}

function readInner<T>(
  reader: Parameters<Codec<T>["read"]>[0],
  name: string,
  inner: Codec<T>,
  start: number,
  size: number,
): T {
  const value = reader.part(inner.name, inner);
  const used = reader.offset - start - 2;
  if (used !== size) throw reader.refuse("SIZE", `${name} says ${size} bytes, its content takes ${used}`, start);
  return value;
}
