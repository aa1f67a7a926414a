import { block, LATER_ADDITIONS } from "./block.ts";
import { type Bytes, EMPTY } from "./bytes.ts";
import { UINT16, UINT32 } from "./integers.ts";
import type { Reader } from "./reader.ts";
import { constant } from "./refined.ts";
import type { Codec, Fields, ValuesOf } from "./schema.ts";
import type { Writer } from "./writer.ts";

/** What each versioned structure says of itself. */
export interface Header {
  readonly version: number;
  /** The oldest version whose readers understand it. */
  readonly minVersion: number;
  /** See `LATER_ADDITIONS`. */
  readonly later: Bytes | undefined;
}

/** A field whose layout depends on the structure's version; without one it is `undefined`. */
export interface ByVersion<T> {
  codecIn(version: number): Codec<T> | undefined;
}

/** A field that exists from a version on. */
export function since<T>(first: number, codec: Codec<T>): ByVersion<T | undefined> {
  return { codecIn: (version) => (version < first ? undefined : codec) };
}

/** A field whose layout changed with a version. */
export function changed<T>(before: Codec<T>, first: number, after: Codec<T>): ByVersion<T> {
  return { codecIn: (version) => (version < first ? before : after) };
}

type Field = Codec<unknown> | ByVersion<unknown>;
type VersionedFields = Readonly<Record<string, Field>>;
type ValueOf<F> = F extends ByVersion<infer T> ? T : F extends Codec<infer T> ? T : never;

/** The values of a versioned structure: its header, its fields, and those that later versions have added. */
export type Versioned<F extends VersionedFields, A extends VersionedFields = Record<never, never>> = Header & {
  readonly [K in keyof F]: ValueOf<F[K]>;
} & { readonly [K in keyof A]: ValueOf<A[K]> | undefined };

/** How a structure is declared. */
export interface VersionedOptions<A extends VersionedFields> {
  readonly magic: number;
  /** The newest version known; of later ones, as far as they say that this can be, what is known is read. */
  readonly newest: number;
  /** One version more, far beyond: with a layout of its own, and for readers that know it. */
  readonly beyond?: number;
  /** What was added behind the fields, by the version that did; each addition is nested in the one before. */
  readonly additions?: { readonly [K in keyof A]: readonly [version: number, codec: A[K]] };
  /** From this version on no mark for later additions stands behind the innermost addition. */
  readonly unmarkedFrom?: number;
}

type Entries = readonly (readonly [string, Codec<unknown>])[];

/** Since this version a structure says who can read it, and ends with the mark for later additions. */
const FIRST_OPEN_ENDED = 2;

/**
 * A structure behind libtpms' header: version, magic number and the least version of a reader. Later versions append what is
 * new, nested in the block that earlier ones skip.
 */
export function versioned<const F extends VersionedFields, const A extends VersionedFields = Record<never, never>>(
  name: string,
  options: VersionedOptions<A>,
  fields: F,
): Codec<Versioned<F, A>> {
  const { newest, beyond, unmarkedFrom = Number.POSITIVE_INFINITY } = options;
  const magicNumber = constant("magic", UINT32, options.magic);
  const entries = Object.entries<Field>(fields);
  const added = Object.entries<readonly [number, Field]>(options.additions ?? {});

  const entriesIn = (version: number, all: readonly (readonly [string, Field])[]): Entries =>
    all.flatMap(([field, codec]) => {
      const chosen = "codecIn" in codec ? codec.codecIn(version) : codec;
      return chosen === undefined ? [] : [[field, chosen] as const];
    });
  /** The additions by version, as far as they exist, outermost first. */
  const levelsIn = (version: number): readonly Entries[] => {
    const versions = [...new Set(added.map(([, [first]]) => first))].filter((first) => first <= version);
    return versions.map((first) =>
      entriesIn(
        version,
        added.filter(([, [since]]) => since === first).map(([field, [, codec]]) => [field, codec] as const),
      ),
    );
  };
  /** The mark at the end, around it the parts of every version that has any. */
  const tailIn = (version: number): Codec<Record<string, unknown>> =>
    levelsIn(version).reduceRight<Codec<Record<string, unknown>>>(
      (inner, level, i) => ({
        ...block<Record<string, unknown>>({
          name: `additions ${i + 1}`,
          shape: { kind: "foreign" },
          read(reader) {
            const value = readEntries(reader, level);
            return { ...value, ...inner.read(reader) };
          },
          write(writer, value) {
            writeEntries(writer, level, value);
            inner.write(writer, value);
          },
          text: () => "",
        }),
      }),
      version < unmarkedFrom ? MARK : NO_MARK,
    );

  return {
    name,
    shape: { kind: "foreign" },
    read(reader) {
      const start = reader.offset;
      const version = reader.part("version", UINT16);
      reader.part("magic", magicNumber);
      if (version === 0) throw reader.refuse("VALUE", "there is no version 0", start);
      const minVersion = version < FIRST_OPEN_ENDED ? 0 : reader.part("minVersion", UINT16);
      const known = version === beyond ? version : newest;
      if (minVersion > known) {
        throw reader.refuse(
          "VALUE",
          `version ${version} is for readers of ${minVersion}, this one knows ${known}`,
          start,
        );
      }
      if (minVersion > version) {
        throw reader.refuse("VALUE", `version ${version} is for readers of a later version, ${minVersion}`, start);
      }
      const value = readEntries(reader, entriesIn(version, entries));
      const tail = version < FIRST_OPEN_ENDED ? { later: undefined } : tailIn(version).read(reader);
      // Exactly the fields of F and of A that this version has, and the header.
      return { version, minVersion, ...value, ...tail } as Versioned<F, A>;
    },
    write(writer, value) {
      const { version, minVersion } = value;
      writer.uint16(version);
      magicNumber.write(writer, options.magic);
      if (version >= FIRST_OPEN_ENDED) writer.uint16(minVersion);
      const record = value as Record<string, unknown>; // its fields, by name
      writeEntries(writer, entriesIn(version, entries), record);
      if (version >= FIRST_OPEN_ENDED) tailIn(version).write(writer, record);
    },
    text: ({ version }) => `version ${version}`,
  };
}

const MARK: Codec<Record<string, unknown>> = {
  ...LATER_ADDITIONS,
  read: (reader) => ({ later: reader.part("later", LATER_ADDITIONS) }),
  write: (writer, { later }) => LATER_ADDITIONS.write(writer, later as Bytes | undefined), // a field of Header
  text: ({ later }) => LATER_ADDITIONS.text(later as Bytes | undefined), // the same
};

const NO_MARK: Codec<Record<string, unknown>> = {
  name: "no mark",
  shape: { kind: "foreign" },
  read: () => ({ later: EMPTY }),
  write: () => {},
  text: () => "",
};

function readEntries(reader: Reader, entries: Entries): Record<string, unknown> {
  const value: Record<string, unknown> = {};
  for (const [field, codec] of entries) value[field] = reader.part(field, codec);
  return value;
}

function writeEntries(writer: Writer, entries: Entries, value: Record<string, unknown>): void {
  for (const [field, codec] of entries) codec.write(writer, value[field]);
}

/**
 * A versioned structure that has had one layout for all its life. Its header is no part of the value: another version, or what a
 * later one would have added, cannot be kept and is refused. `versions` lists those that differ in nothing else; the last is
 * written.
 */
export function settled<const F extends Fields>(
  name: string,
  { magic, versions = [2] }: { readonly magic: number; readonly versions?: readonly number[] },
  fields: F,
): Codec<ValuesOf<F>> {
  const newest = Math.max(...versions);
  const structure = versioned(name, { magic, newest }, fields);
  const header: Header = { version: newest, minVersion: 1, later: EMPTY };
  return {
    name,
    shape: { kind: "foreign" },
    read(reader) {
      const start = reader.offset;
      const { version, minVersion, later, ...value } = structure.read(reader);
      if (!versions.includes(version) || minVersion !== header.minVersion || later?.length !== 0) {
        const found = `version ${version} for readers of ${minVersion}, with ${later?.length ?? "no"} bytes more`;
        throw reader.refuse("VALUE", `${found}; expected version ${versions.join(" or ")} for readers of 1`, start);
      }
      // The fields of F are left.
      return value as unknown as ValuesOf<F>;
    },
    write: (writer, value) => structure.write(writer, { ...header, ...value } as never), // the fields of F, and the header
    text: () => "",
  };
}
