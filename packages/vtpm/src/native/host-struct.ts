import type { Bytes } from "@vtpm/wire";

const FIELDS = {
  u8: { size: 1, get: (view: DataView, at: number) => view.getUint8(at), set: setter("setUint8") },
  u16: { size: 2, get: (view: DataView, at: number) => view.getUint16(at, true), set: setter("setUint16") },
  u32: { size: 4, get: (view: DataView, at: number) => view.getUint32(at, true), set: setter("setUint32") },
  i32: { size: 4, get: (view: DataView, at: number) => view.getInt32(at, true), set: setter("setInt32") },
  u64: {
    size: 8,
    get: (view: DataView, at: number) => view.getBigUint64(at, true),
    set: (view: DataView, at: number, value: bigint) => view.setBigUint64(at, value, true),
  },
} as const;

function setter(method: "setUint8" | "setUint16" | "setUint32" | "setInt32") {
  return (view: DataView, at: number, value: number): void => view[method](at, value, true);
}

type FieldType = keyof typeof FIELDS;
type Fields = Readonly<Record<string, FieldType>>;
type Values<F extends Fields> = { [K in keyof F]: ReturnType<(typeof FIELDS)[F[K]]["get"]> };

/** A structure of the C interface to the kernel, in host order: little-endian on every machine this runs on. */
export interface HostStruct<F extends Fields> {
  /** Its bytes, with the padding that the compiler puts behind it. */
  readonly size: number;
  /** Makes one; fields left out are zero. It may be followed by room for more, which is zero, too. */
  encode(values: Partial<Values<F>>, room?: number): Bytes;
  /** Reads one; throws a RangeError where it is not there as a whole. */
  decode(bytes: Bytes, offset?: number): Values<F>;
}

/**
 * Declares a structure: its fields in order, each aligned to its own size, as in C.
 *
 * @example
 * const reply = hostStruct({ length: "u32", error: "i32", unique: "u64" });
 */
export function hostStruct<const F extends Fields>(fields: F): HostStruct<F> {
  const places: { readonly name: string; readonly type: FieldType; readonly at: number }[] = [];
  let end = 0;
  let alignment = 1;
  for (const [name, type] of Object.entries(fields)) {
    const { size } = FIELDS[type];
    const at = aligned(end, size);
    places.push({ name, type, at });
    end = at + size;
    alignment = Math.max(alignment, size);
  }
  const size = aligned(end, alignment);
  return {
    size,
    encode(values, room = 0) {
      const bytes = new Uint8Array(size + room);
      const view = new DataView(bytes.buffer);
      const given: Readonly<Record<string, number | bigint | undefined>> = values;
      for (const { name, type, at } of places) {
        const value = given[name];
        if (value === undefined) continue;
        if (type === "u64") FIELDS.u64.set(view, at, BigInt(value));
        else FIELDS[type].set(view, at, Number(value));
      }
      return bytes;
    },
    decode(bytes, offset = 0) {
      if (offset + size > bytes.length)
        throw new RangeError(`a structure of ${size} bytes in ${bytes.length - offset}`);
      const view = new DataView(bytes.buffer, bytes.byteOffset + offset, size);
      // Each name gets what its field's type reads, which is what Values says.
      return Object.fromEntries(places.map(({ name, type, at }) => [name, FIELDS[type].get(view, at)])) as Values<F>;
    },
  };
}

function aligned(offset: number, alignment: number): number {
  return Math.ceil(offset / alignment) * alignment;
}
