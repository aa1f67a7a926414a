import fc from "fast-check";
import { type Bytes, concatBytes } from "../bytes.ts";
import { ANY, type Rules } from "../rules.ts";
import { type Accepts, boundOf, type Codec, encode, type Fields, lastOf } from "../schema.ts";

/** Enough to find mistakes of sizes, few enough to stay fast. */
const USUAL_SIZE = 40;
const USUAL_COUNT = 3;

/** Values of a schema that a TPM of these rules takes; throws a `RangeError` if there are none. */
export function arbitrary<T>(codec: Codec<T>, rules: Rules = ANY): fc.Arbitrary<T> {
  const values = new Generator(rules).of(codec);
  if (values === undefined) throw new RangeError(`no value of ${codec.name} exists under these rules`);
  // The shape describes exactly the values of T.
  return values as fc.Arbitrary<T>;
}

/** Whether any value of a schema exists under these rules. */
export function isInhabited(codec: Codec<unknown>, rules: Rules = ANY): boolean {
  return new Generator(rules).of(codec) !== undefined;
}

/** Encoded values, most of them damaged: cut, lengthened, with bytes replaced or moved; and bytes that never were a value. */
export function hostileBytes(codec: Codec<unknown>, rules: Rules = ANY): fc.Arbitrary<Bytes> {
  const noise = fc.uint8Array({ maxLength: 64 });
  if (!isInhabited(codec, rules)) return noise;
  const valid = arbitrary(codec, rules).map((value) => encode(codec, value));
  const position = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true });
  const damaged = fc
    .tuple(valid, position, position, fc.constantFrom(0x00, 0x01, 0x7f, 0x80, 0xff), fc.nat({ max: 4 }))
    .map(([bytes, first, second, byte, kind]): Bytes => {
      const [i, j] = [Math.floor(first * bytes.length), Math.floor(second * bytes.length)];
      if (kind === 0) return bytes.slice(0, i);
      if (kind === 1) return concatBytes(bytes.slice(0, i), Uint8Array.of(byte), bytes.slice(i));
      if (kind === 2) return concatBytes(bytes.slice(0, i), bytes.slice(i + 1));
      if (kind === 3) return concatBytes(bytes.slice(0, i), bytes.slice(j));
      const changed = bytes.slice();
      if (changed.length > 0) changed[i] = byte;
      return changed;
    });
  return fc.oneof({ weight: 3, arbitrary: damaged }, { weight: 1, arbitrary: noise });
}

type Values = fc.Arbitrary<unknown> | undefined;

/** The largest number that an integer, or what is built on one, can hold. */
function largestOf(codec: Codec<unknown>): number {
  const { shape } = codec;
  if (shape.kind === "integer") return 2 ** (8 * shape.size) - 1;
  if (shape.kind === "choice" || shape.kind === "bits") return largestOf(shape.base);
  throw new TypeError(`${codec.name} is not built on an integer`);
}

/** Turns shapes into generators; `undefined` where the rules leave no value. */
class Generator {
  readonly #rules: Rules;
  readonly #known = new Map<Codec<unknown>, Values>();

  constructor(rules: Rules) {
    this.#rules = rules;
  }

  of(codec: Codec<unknown>): Values {
    if (this.#known.has(codec)) return this.#known.get(codec);
    const values = this.#make(codec);
    this.#known.set(codec, values);
    return values;
  }

  #make(codec: Codec<unknown>): Values {
    const { shape } = codec;
    switch (shape.kind) {
      case "integer": {
        if (shape.size === 8) return fc.bigInt({ min: 0n, max: 0xffffffffffffffffn });
        const max = shape.max === undefined ? largestOf(codec) : boundOf(this.#rules, shape.max);
        return fc.integer({ min: 0, max: Math.min(max, largestOf(codec)) });
      }
      case "choice":
        return this.#choice(shape.base, shape.accepts);
      case "bits":
        return fc
          .integer({ min: 0, max: largestOf(shape.base) })
          .map((word) => ((word & shape.defined) >>> 0) % (largestOf(shape.base) + 1));
      case "bytes":
        return fc.uint8Array({ minLength: shape.size, maxLength: shape.size });
      case "buffer": {
        const min = boundOf(this.#rules, shape.min);
        const max = Math.min(boundOf(this.#rules, shape.max), largestOf(shape.base), 5000);
        if (min > max) return undefined;
        return fc.oneof(
          {
            weight: 20,
            arbitrary: fc.uint8Array({ minLength: min, maxLength: Math.max(min, Math.min(max, USUAL_SIZE)) }),
          },
          { weight: 1, arbitrary: fc.uint8Array({ minLength: max, maxLength: max }) },
        );
      }
      case "list": {
        const max = boundOf(this.#rules, shape.max);
        const element = this.of(shape.element);
        if (element === undefined) return shape.min === 0 ? fc.constant([]) : undefined;
        return fc.array(element, { minLength: shape.min, maxLength: Math.min(max, Math.max(shape.min, USUAL_COUNT)) });
      }
      case "array": {
        const element = this.of(shape.element);
        return element && fc.array(element, { minLength: shape.size, maxLength: shape.size });
      }
      case "table": {
        const [key, value] = [this.of(shape.key), this.of(shape.value)];
        if (key === undefined || value === undefined) return fc.constant(new Map());
        return fc.array(fc.tuple(key, value), { maxLength: USUAL_COUNT }).map((pairs) => new Map(pairs));
      }
      case "optional": {
        const inner = this.of(shape.inner);
        return inner === undefined ? fc.constant(undefined) : fc.option(inner, { nil: undefined });
      }
      case "sized": {
        const inner = this.of(shape.inner);
        if (!shape.empty) return inner;
        return inner === undefined ? fc.constant(undefined) : fc.option(inner, { nil: undefined });
      }
      case "struct":
        return this.#record(shape.fields);
      case "foreign":
        throw new TypeError(`${codec.name} does not tell what its values are`);
      case "union": {
        const variants: fc.Arbitrary<unknown>[] = [];
        const selector = shape.fields[shape.selector];
        if (selector?.shape.kind !== "choice") throw new TypeError(`${codec.name} is not selected by a choice`);
        for (const [value, parts] of shape.variants) {
          if (!this.#accepts(selector.shape.base, selector.shape.accepts, value)) continue;
          const variant = this.#record({ ...shape.fields, ...parts }, { [shape.selector]: fc.constant(value) });
          if (variant !== undefined) variants.push(variant);
        }
        return variants.length === 0 ? undefined : fc.oneof(...variants);
      }
    }
  }

  #record(fields: Fields, fixed: Readonly<Record<string, fc.Arbitrary<unknown>>> = {}): Values {
    const parts: Record<string, fc.Arbitrary<unknown>> = {};
    for (const [name, codec] of Object.entries(fields)) {
      const values = fixed[name] ?? this.of(codec);
      if (values === undefined) return undefined;
      parts[name] = values;
    }
    return fc.record(parts, { noNullPrototype: true });
  }

  #choice(base: Codec<number>, accepts: Accepts): Values {
    const sources: fc.Arbitrary<number>[] = [];
    const values = accepts.values.filter((value) => this.#accepts(base, accepts, value));
    if (values.length > 0) sources.push(fc.constantFrom(...values));
    for (const range of accepts.ranges) {
      const [min, max] = [range[0], Math.min(lastOf(this.#rules, range), largestOf(base))];
      if (min <= max) sources.push(fc.integer({ min, max }));
    }
    return sources.length === 0 ? undefined : fc.oneof(...sources);
  }

  /** Whether a decoder takes `value`: the choice itself, and the one it is built on. */
  #accepts(base: Codec<number>, accepts: Accepts, value: number): boolean {
    const inner = base.shape.kind !== "choice" || this.#accepts(base.shape.base, base.shape.accepts, value);
    if (!inner || value > largestOf(base)) return false;
    if (accepts.values.includes(value)) return accepts.set === undefined || this.#rules.allows(accepts.set, value);
    return accepts.ranges.some((range) => value >= range[0] && value <= lastOf(this.#rules, range));
  }
}
