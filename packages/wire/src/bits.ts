import type { Codec } from "./schema.ts";

/** Where a field of an attribute word lies: one bit, or `[highest, lowest]`. */
export type BitPosition = number | readonly [high: number, low: number];

/** Values for some fields: flags as booleans, wider fields as numbers. */
export type BitValues<L> = { readonly [K in keyof L]?: L[K] extends number ? boolean : number };

/** An attribute word. It stays a number in memory, so that reserved bits survive; names are for access. */
export interface Bits<L extends Readonly<Record<string, BitPosition>>> extends Codec<number> {
  /** Whether a flag is set (a wider field: whether it is not zero). */
  has(word: number, field: keyof L): boolean;
  /** The value of a field, shifted down. */
  get(word: number, field: keyof L): number;
  /** `word` with the given fields replaced. */
  with(word: number, fields: BitValues<L>): number;
  /** A word with the given fields and zero elsewhere. */
  of(fields: BitValues<L>): number;
  /** Whether the two words have a bit in common. */
  intersects(word: number, other: number): boolean;
  /** The bits that have a name. */
  readonly defined: number;
  /** The bits of a word that have no name. */
  reserved(word: number): number;
}

/**
 * Declares an attribute word. Undefined bits are refused with `RESERVED_BITS` unless `reserved` is `"kept"`.
 */
export function bits<const L extends Readonly<Record<string, BitPosition>>>(
  name: string,
  base: Codec<number>,
  layout: L,
  reserved: "refused" | "kept" = "refused",
): Bits<L> {
  const fields = new Map<keyof L, { readonly low: number; readonly mask: number }>();
  let defined = 0;
  for (const [field, position] of Object.entries(layout)) {
    const [high, low] = typeof position === "number" ? [position, position] : position;
    const mask = (2 ** (high - low + 1) - 1) * 2 ** low;
    fields.set(field, { low, mask });
    defined = (defined | mask) >>> 0;
  }
  const placeOf = (field: keyof L): { readonly low: number; readonly mask: number } => {
    const place = fields.get(field);
    if (place === undefined) throw new RangeError(`${name} has no field ${String(field)}`);
    return place;
  };
  const get = (word: number, field: keyof L): number => {
    const { low, mask } = placeOf(field);
    return ((word & mask) >>> 0) >>> low;
  };
  const replace = (word: number, values: BitValues<L>): number => {
    let result = word;
    // Not by entries: this runs several times for each command, and they would be allocated anew.
    for (const field in values) {
      const value = values[field];
      const { low, mask } = placeOf(field);
      const shifted = (((value as boolean | number) === true ? 1 : Number(value)) * 2 ** low) & mask;
      result = ((result & ~mask) | shifted) >>> 0;
    }
    return result;
  };
  return {
    name,
    shape: { kind: "bits", base, defined: reserved === "kept" ? 0xffffffff : defined },
    defined,
    reserved: (word) => (word & ~defined) >>> 0,
    get,
    has: (word, field) => get(word, field) !== 0,
    intersects: (word, other) => (word & other) !== 0,
    with: replace,
    of: (values) => replace(0, values),
    read(reader) {
      const start = reader.offset;
      const word = base.read(reader);
      if (reserved === "refused" && (word & ~defined) !== 0) {
        throw reader.refuse("RESERVED_BITS", `0x${word.toString(16)} has bits that ${name} reserves`, start);
      }
      return word;
    },
    write: (writer, word) => base.write(writer, word),
    text(word) {
      const set: string[] = [];
      for (const [field, position] of Object.entries(layout)) {
        const value = get(word, field);
        if (value !== 0) set.push(typeof position === "number" ? field : `${field}=${value}`);
      }
      return set.join(" | ") || "none";
    },
  };
}
