import { ANY, type Rules } from "./rules.ts";
import { type Accepts, type Codec, lastOf, type Range } from "./schema.ts";

/** Names of numbers, such as `TPM_ALG`. */
export type Names = Readonly<Record<string, number>>;

/** How a choice is declared; `names` only serve the readable text. */
export interface ChoiceOptions<V extends number> {
  readonly values?: readonly V[];
  readonly ranges?: readonly Range[];
  /** The profile's set that must contain the value. */
  readonly set?: string;
  readonly names?: Names;
  /** The reason of a refusal. */
  readonly reason: string;
}

/** An integer restricted to listed values or ranges, and to those that the profile has. */
export interface Choice<V extends number> extends Codec<V> {
  /** Whether a decoder under rules that allow everything would take `value`. */
  includes(value: number): value is V;
  /** The same choice with more values: what the specification writes as a `+` behind the type. */
  plus<const W extends number>(...values: readonly W[]): Choice<V | W>;
}

/** Declares a choice of values; with `ranges` its type is any `number`. */
export function choice<const V extends number>(
  name: string,
  base: Codec<number>,
  options: ChoiceOptions<V>,
): Choice<V> {
  const { values = [], ranges = [], set, names = {}, reason } = options;
  const listed = new Set<number>(values);
  // Made when a text is wanted first: there are many choices, and most processes print none.
  let nameOf: ReadonlyMap<number, string> | undefined;
  const accepts: Accepts = set === undefined ? { values, ranges } : { values, ranges, set };
  const accepted = (rules: Rules, value: number): boolean =>
    listed.has(value)
      ? set === undefined || rules.allows(set, value)
      : ranges.some((range) => value >= range[0] && value <= lastOf(rules, range));
  const includes = (value: number): value is V => accepted(ANY, value);
  return {
    name,
    shape: { kind: "choice", base, accepts },
    includes,
    plus: (...more) => choice(`${name}+`, base, { ...options, values: [...values, ...more] }),
    read(reader) {
      const start = reader.offset;
      const value = base.read(reader);
      if (!accepted(reader.rules, value)) {
        throw reader.refuse(reason, `0x${value.toString(16)} is not a ${name}`, start);
      }
      // Accepted, so it is listed or in a range, where V is any number.
      return value as V;
    },
    write: (writer, value) => base.write(writer, value),
    text(value) {
      nameOf ??= new Map(Object.entries(names).map(([key, number]) => [number, key]));
      return nameOf.get(value) ?? base.text(value);
    },
  };
}
