import { UINT16 } from "./integers.ts";
import type { Codec } from "./schema.ts";

/** A list behind a 16-bit count, of which only one is possible. */
export function counted<T>(name: string, element: Codec<T>, count: number): Codec<readonly T[]> {
  return {
    name,
    shape: { kind: "foreign" },
    read(reader) {
      const start = reader.offset;
      const found = reader.part("count", UINT16);
      if (found !== count) throw reader.refuse("SIZE", `${name} of ${found} elements, expected ${count}`, start);
      const values: T[] = [];
      for (let i = 0; i < count; i++) values.push(reader.part(`[${i}]`, element));
      return values;
    },
    write(writer, values) {
      if (values.length !== count) throw new RangeError(`${name} takes ${count} elements, not ${values.length}`);
      writer.uint16(count);
      for (const value of values) element.write(writer, value);
    },
    text: (values) => `${values.length} elements`,
  };
}
