import { type Bound, boundOf, type Codec } from "./schema.ts";

function integer(name: string, size: 1 | 2 | 4): Codec<number> {
  const digits = 2 * size;
  const text = (value: number): string => `${value} (0x${value.toString(16).padStart(digits, "0")})`;
  const shape = { kind: "integer", size } as const;
  // One closure per width instead of a switch per call: these run for every field of every message.
  if (size === 1) return { name, shape, text, read: (r) => r.uint8(), write: (w, v) => w.uint8(v) };
  if (size === 2) return { name, shape, text, read: (r) => r.uint16(), write: (w, v) => w.uint16(v) };
  return { name, shape, text, read: (r) => r.uint32(), write: (w, v) => w.uint32(v) };
}

export const UINT8 = integer("UINT8", 1);
export const BYTE = integer("BYTE", 1);
export const UINT16 = integer("UINT16", 2);
export const UINT32 = integer("UINT32", 4);

/** 64 bits are always `bigint`: a `number` would lose the upper ones. */
export const UINT64: Codec<bigint> = {
  name: "UINT64",
  shape: { kind: "integer", size: 8 },
  text: (value) => `${value} (0x${value.toString(16)})`,
  read: (reader) => reader.uint64(),
  write: (writer, value) => writer.uint64(value),
};

/** The same integer under the name a specification gives it. */
export function alias<T>(name: string, codec: Codec<T>): Codec<T> {
  return { ...codec, name };
}

/** An unsigned integer of up to 32 bits that may not exceed `max`. */
export function limited(name: string, base: Codec<number>, max: Bound, reason: string): Codec<number> {
  if (base.shape.kind !== "integer") throw new TypeError(`${base.name} is not an integer`);
  return {
    ...base,
    name,
    shape: { ...base.shape, max },
    read(reader) {
      const start = reader.offset;
      const value = base.read(reader);
      const high = boundOf(reader.rules, max);
      if (value > high) throw reader.refuse(reason, `${name} of ${value}, expected at most ${high}`, start);
      return value;
    },
  };
}
