import { toHex } from "./bytes.ts";
import { type Codec, encode } from "./schema.ts";

/** A number that is always the same. */
export function constant(name: string, base: Codec<number>, value: number): Codec<number> {
  const hex = `0x${toHex(encode(base, value))}`;
  return {
    ...base,
    name,
    shape: { kind: "foreign" },
    read(reader) {
      const start = reader.offset;
      const found = base.read(reader);
      if (found !== value) throw reader.refuse("VALUE", `${name} is 0x${found.toString(16)}, expected ${hex}`, start);
      return found;
    },
    write: (writer) => base.write(writer, value),
  };
}

/** A value of which more has to be true than its layout says: `complaint` tells what is wrong, or nothing. */
export function checked<T>(codec: Codec<T>, complaint: (value: T) => string | undefined): Codec<T> {
  return {
    ...codec,
    read(reader) {
      const start = reader.offset;
      const value = codec.read(reader);
      const found = complaint(value);
      if (found !== undefined) throw reader.refuse("VALUE", found, start);
      return value;
    },
  };
}

/** The same bytes for another kind of value. */
export function converted<T, U>(codec: Codec<T>, fromWire: (value: T) => U, toWire: (value: U) => T): Codec<U> {
  return {
    name: codec.name,
    shape: { kind: "foreign" },
    read: (reader) => fromWire(codec.read(reader)),
    write: (writer, value) => codec.write(writer, toWire(value)),
    text: (value) => codec.text(toWire(value)),
  };
}
