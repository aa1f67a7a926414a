import { UINT32 } from "./integers.ts";
import { type Bound, boundOf, type Codec } from "./schema.ts";

/** A list behind its 32-bit count, such as any `TPML_`. A count out of bounds is refused with `SIZE`. */
export function list<T>(
  name: string,
  element: Codec<T>,
  bounds: { readonly min?: number; readonly max: Bound },
): Codec<readonly T[]> {
  const { min = 0, max } = bounds;
  return {
    name,
    shape: { kind: "list", element, min, max },
    read(reader) {
      const start = reader.offset;
      const count = reader.part("count", UINT32);
      const high = boundOf(reader.rules, max);
      if (count < min || count > high) {
        throw reader.refuse("SIZE", `${name} of ${count} elements, expected ${min} to ${high}`, start);
      }
      const values: T[] = [];
      for (let i = 0; i < count; i++) values.push(reader.part(`[${i}]`, element));
      return values;
    },
    write(writer, values) {
      writer.uint32(values.length);
      for (const value of values) element.write(writer, value);
    },
    text: (values) => `${values.length} elements`,
  };
}
