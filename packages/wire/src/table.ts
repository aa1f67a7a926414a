import { UINT8 } from "./integers.ts";
import { list } from "./list.ts";
import type { Codec } from "./schema.ts";
import { struct } from "./struct.ts";

/** A map from numbers to values, written as a counted list of pairs in the map's order. */
export function table<T>(name: string, key: Codec<number>, value: Codec<T>): Codec<ReadonlyMap<number, T>> {
  const pairs = list(name, struct(`${name} entry`, { key, value }), { max: 0xffff });
  return {
    name,
    shape: pairs.shape,
    read: (reader) => new Map((pairs.read(reader) as readonly Pair<T>[]).map((pair) => [pair.key, pair.value])),
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

interface Pair<T> {
  readonly key: number;
  readonly value: T;
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
