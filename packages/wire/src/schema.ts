import type { Bytes } from "./bytes.ts";
import { Reader } from "./reader.ts";
import { ANY, type Rules } from "./rules.ts";
import { Writer } from "./writer.ts";

/**
 * One declaration of a structure: decoder, encoder, and a `shape` from which generators and documentation are derived.
 * Methods, not function members, so that a `Codec<number>` may stand where a `Codec<unknown>` is listed.
 */
export interface Codec<T> {
  /** The specification's name of the type. */
  readonly name: string;
  readonly shape: Shape;
  /** Takes a value from the reader or throws a `Refusal`. */
  read(reader: Reader): T;
  write(writer: Writer, value: T): void;
  /** The value in words, for people; empty where the parts say everything. */
  text(value: T): string;
}

/** The TypeScript type of the values a schema describes. */
export type TypeOf<C> = C extends Codec<infer T> ? T : never;

/** Named parts in wire order. */
export type Fields = Readonly<Record<string, Codec<unknown>>>;

/** The values of `Fields`. */
export type ValuesOf<F extends Fields> = { readonly [K in keyof F]: TypeOf<F[K]> };

/** A size bound: a number, or the name of a limit that the profile sets. */
export type Bound = number | string;

/** What a schema is made of. */
export type Shape =
  | { readonly kind: "integer"; readonly size: 1 | 2 | 4 | 8; readonly max?: Bound }
  | { readonly kind: "choice"; readonly base: Codec<number>; readonly accepts: Accepts }
  | { readonly kind: "bits"; readonly base: Codec<number>; readonly defined: number }
  | { readonly kind: "bytes"; readonly size: number }
  | { readonly kind: "buffer"; readonly base: Codec<number>; readonly min: Bound; readonly max: Bound }
  | { readonly kind: "list"; readonly element: Codec<unknown>; readonly min: number; readonly max: Bound }
  | { readonly kind: "struct"; readonly fields: Fields }
  | {
      readonly kind: "union";
      readonly fields: Fields;
      readonly selector: string;
      readonly variants: ReadonlyMap<number, Fields>;
    }
  | { readonly kind: "array"; readonly element: Codec<unknown>; readonly size: number }
  | { readonly kind: "table"; readonly key: Codec<number>; readonly value: Codec<unknown> }
  | { readonly kind: "optional"; readonly inner: Codec<unknown> }
  | { readonly kind: "sized"; readonly inner: Codec<unknown>; readonly empty: boolean }
  /** Parts that decide about each other in a way of their own; nothing is derived from it. */
  | { readonly kind: "foreign" };

/** First and last value of a range; or the first and the name of the limit that says how many values there are. */
export type Range = readonly [first: number, last: Bound];

/** The last value of a range under these rules; smaller than the first if the range is empty. */
export function lastOf(rules: Rules, [first, last]: Range): number {
  return typeof last === "number" ? last : first + rules.limit(last) - 1;
}

/** The values a choice accepts: single ones, ranges (inclusive), and what the profile has of them. */
export interface Accepts {
  readonly values: readonly number[];
  readonly ranges: readonly Range[];
  /** The set of `Rules.allows` that decides; absent: every listed value exists in every TPM. */
  readonly set?: string;
}

/** The number behind a bound under these rules. */
export function boundOf(rules: Rules, bound: Bound): number {
  return typeof bound === "number" ? bound : rules.limit(bound);
}

/** Decodes exactly `bytes`; surplus bytes are refused with `SIZE`. */
export function decode<T>(codec: Codec<T>, bytes: Bytes, rules: Rules = ANY): T {
  const reader = new Reader(bytes, rules);
  const value = codec.read(reader);
  if (reader.remaining > 0) throw reader.refuse("SIZE", `${reader.remaining} bytes follow the ${codec.name}`);
  return value;
}

/** Encodes a value into new bytes. */
export function encode<T>(codec: Codec<T>, value: T): Bytes {
  const writer = new Writer();
  codec.write(writer, value);
  return writer.finish();
}
