import type { Reader } from "./reader.ts";
import type { Codec, Fields, ValuesOf } from "./schema.ts";
import type { Writer } from "./writer.ts";

/** Reads the parts of `fields` in order into `target`. */
function readFields(reader: Reader, fields: readonly (readonly [string, Codec<unknown>])[], target: object): void {
  for (const [field, codec] of fields) {
    (target as Record<string, unknown>)[field] = reader.part(field, codec);
  }
}

function writeFields(writer: Writer, fields: readonly (readonly [string, Codec<unknown>])[], value: object): void {
  for (const [field, codec] of fields) codec.write(writer, (value as Record<string, unknown>)[field]);
}

/** A structure with its parts open, so that others can be built from them. */
export interface Struct<F extends Fields> extends Codec<ValuesOf<F>> {
  readonly fields: F;
}

/** Parts one after the other. */
export function struct<const F extends Fields>(name: string, fields: F): Struct<F> {
  const entries = Object.entries(fields);
  return {
    name,
    fields,
    shape: { kind: "struct", fields },
    read(reader) {
      const value = {};
      readFields(reader, entries, value);
      // The loop above filled in exactly the fields of F.
      return value as ValuesOf<F>;
    },
    write: (writer, value) => writeFields(writer, entries, value),
    text: () => "",
  };
}

/** The parts that each value of the selector adds. */
export type Variants = Readonly<Record<number, Fields>>;

type Flat<T> = { [K in keyof T]: T[K] };

/** A TypeScript union discriminated by the selector: `switch (value.type)` narrows the rest. */
export type UnionOf<F extends Fields, S extends keyof F, V extends Variants> = {
  [K in keyof V]: Flat<
    Omit<ValuesOf<F>, S> & { readonly [P in S]: K } & (V[K] extends Fields ? ValuesOf<V[K]> : never)
  >;
}[keyof V];

/** A structure whose last parts depend on one of its first, the selector. */
export interface Union<F extends Fields, S extends keyof F & string, V extends Variants>
  extends Codec<UnionOf<F, S, V>> {
  readonly fields: F;
  readonly selector: S;
  readonly variants: V;
}

/**
 * Declares common parts (the selector among them, in wire order) and, for each value of the selector, what follows.
 * The selector's own type refuses values that have no variant.
 */
export function union<const F extends Fields, const S extends keyof F & string, const V extends Variants>(
  name: string,
  fields: F,
  selector: S,
  variants: V,
): Union<F, S, V> {
  const entries = Object.entries(fields);
  const byValue = new Map(Object.entries(variants).map(([key, parts]) => [Number(key), parts]));
  const entriesByValue = new Map([...byValue].map(([key, parts]) => [key, Object.entries(parts)]));
  const variantOf = (value: object): readonly (readonly [string, Codec<unknown>])[] => {
    const chosen = (value as Record<string, unknown>)[selector];
    const parts = typeof chosen === "number" ? entriesByValue.get(chosen) : undefined;
    if (parts === undefined) throw new RangeError(`${name} has no variant for ${selector} ${String(chosen)}`);
    return parts;
  };
  return {
    name,
    fields,
    selector,
    variants,
    shape: { kind: "union", fields, selector, variants: byValue },
    read(reader) {
      const value = {};
      readFields(reader, entries, value);
      readFields(reader, variantOf(value), value);
      // Selector, common parts and the variant's parts are all there now.
      return value as UnionOf<F, S, V>;
    },
    write(writer, value) {
      writeFields(writer, entries, value);
      writeFields(writer, variantOf(value), value);
    },
    text: () => "",
  };
}
