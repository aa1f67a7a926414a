import { UINT8, UINT32 } from "./integers.ts";
import type { Codec } from "./schema.ts";

/** A map from numbers to values, written as a counted list of pairs in the map's order. */
export function table<T>(name: string, key: Codec<number>, value: Codec<T>): Codec<ReadonlyMap<number, T>> {
  return {
    name,
    shape: { kind: "table", key, value },
    read(reader) {
      const map = new Map<number, T>();
      const count = reader.part("count", UINT32);
      for (let i = 0; i < count; i++) {
        const start = reader.offset;
        const mapKey = reader.part(`[${i}]`, key);
        if (map.has(mapKey)) throw reader.refuse("VALUE", `${name} has 0x${mapKey.toString(16)} twice`, start);
        map.set(mapKey, reader.part(`0x${mapKey.toString(16)}`, value));
      }
      return map;
    },
    write: (writer, map) => {
      writer.uint32(map.size);
      for (const [mapKey, mapValue] of map) {
        key.write(writer, mapKey);
        value.write(writer, mapValue);
      }
    },
    text: (map) => `${map.size} entries`,
  };
}

/** A value that may be absent, behind a byte that says so. */
export function optional<T>(codec: Codec<T>): Codec<T | undefined> {
  return {
    name: `${codec.name}?`,
    shape: { kind: "optional", inner: codec },
    read(reader) {
      const start = reader.offset;
      const present = UINT8.read(reader);
      if (present > 1) throw reader.refuse("VALUE", `${present} does not say whether a ${codec.name} follows`, start);
      return present === 1 ? reader.part(codec.name, codec) : undefined;
    },
    write(writer, value) {
      writer.uint8(value === undefined ? 0 : 1);
      if (value !== undefined) codec.write(writer, value);
    },
    text: (value) => (value === undefined ? "absent" : codec.text(value)),
  };
}

/** Values without a count of their own, `size` of them. */
export function array<T>(name: string, element: Codec<T>, size: number): Codec<readonly T[]> {
  return {
    name,
    shape: { kind: "array", element, size },
    read(reader) {
      const values: T[] = [];
      for (let i = 0; i < size; i++) values.push(reader.part(`[${i}]`, element));
      return values;
    },
    write(writer, values) {
      if (values.length !== size) throw new RangeError(`${name} takes ${size} elements, not ${values.length}`);
      for (const value of values) element.write(writer, value);
    },
    text: (values) => `${values.length} elements`,
  };
}
