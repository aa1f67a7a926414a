import { type Bytes, toHex } from "./bytes.ts";
import { UINT16 } from "./integers.ts";
import { type Bound, boundOf, type Codec } from "./schema.ts";

/** How a size-prefixed byte string is declared. */
export interface BufferOptions {
  /** The size in front; UINT16 unless given. */
  readonly base?: Codec<number>;
  readonly min?: Bound;
  readonly max: Bound;
  /** The reason when the size is out of bounds; `SIZE` unless given. */
  readonly reason?: string;
}

/** A byte string behind its size, such as any `TPM2B_`. */
export function buffer(name: string, options: BufferOptions): Codec<Bytes> {
  const { base = UINT16, min = 0, max, reason = "SIZE" } = options;
  return {
    name,
    shape: { kind: "buffer", base, min, max },
    read(reader) {
      const start = reader.offset;
      const size = base.read(reader);
      const [low, high] = [boundOf(reader.rules, min), boundOf(reader.rules, max)];
      if (size < low || size > high) {
        throw reader.refuse(reason, `${name} of ${size} bytes, expected ${low} to ${high}`, start);
      }
      return reader.bytes(size);
    },
    write(writer, value) {
      base.write(writer, value.length);
      writer.bytes(value);
    },
    text: toHex,
  };
}

/** A byte string of fixed size. */
export function bytes(name: string, size: number): Codec<Bytes> {
  return {
    name,
    shape: { kind: "bytes", size },
    read: (reader) => reader.bytes(size),
    write(writer, value) {
      if (value.length !== size) throw new RangeError(`${name} takes ${size} bytes, not ${value.length}`);
      writer.bytes(value);
    },
    text: toHex,
  };
}
