import {
  alias,
  array,
  type Bytes,
  decode,
  encode,
  struct,
  type TypeOf,
  UINT8,
  UINT16_LE,
  UINT32_LE,
  UINT64_LE,
} from "@vtpm/wire";

/** "swtpmlin", read as a number */
const MAGIC = 0x737774706d6c696en;
const VERSION = 1;
const SECTIONS = 15;
export const LINEAR_HEADER_SIZE = 192;

/** Which section holds what; swtpm knows no others. */
export const LINEAR_SECTION = { permall: 0, volatilestate: 1, savestate: 2 } as const;

/** A section that does not exist has offset 0. */
const LINEAR_ENTRY = struct("LINEAR_ENTRY", { offset: UINT32_LE, dataSize: UINT32_LE, size: UINT32_LE });

const LINEAR_HEADER = struct("LINEAR_HEADER", {
  magic: alias("MAGIC", UINT64_LE),
  version: UINT8,
  padding: UINT8,
  headerSize: UINT16_LE,
  sections: array("SECTIONS", LINEAR_ENTRY, SECTIONS),
});

/** A place in a linear store: `size` bytes at `offset`, of which the first `dataSize` are in use. */
export type LinearSection = TypeOf<typeof LINEAR_ENTRY>;

/** By their numbers. */
export type LinearSections = ReadonlyMap<number, LinearSection>;

/**
 * `MAGIC`: no linear store; `VERSION`: of a format that is not known; `SECTIONS`: what it says of its sections cannot be.
 */
export type LinearErrorCode = "MAGIC" | "VERSION" | "SECTIONS";

/** Bytes that are not the header of a linear store that could be used. */
export class LinearError extends Error {
  override readonly name = "LinearError";
  readonly code: LinearErrorCode;

  constructor(code: LinearErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** The header of swtpm's linear store: one file or block device that holds all states of a TPM. */
export function encodeLinearHeader(sections: LinearSections): Bytes {
  const none: LinearSection = { offset: 0, dataSize: 0, size: 0 };
  return encode(LINEAR_HEADER, {
    magic: MAGIC,
    version: VERSION,
    padding: 0,
    headerSize: LINEAR_HEADER_SIZE,
    sections: Array.from({ length: SECTIONS }, (_, number) => sections.get(number) ?? none),
  });
}

/**
 * Reads the header of a store of `storeSize` bytes. Every section is checked to lie within the store, behind the header, and to
 * share no byte with another one: nobody need check a size or an offset again before using it.
 */
export function decodeLinearHeader(bytes: Bytes, storeSize: number): LinearSections {
  if (bytes.length < LINEAR_HEADER_SIZE) {
    throw new LinearError(
      "MAGIC",
      `${bytes.length} bytes are less than the ${LINEAR_HEADER_SIZE} of a linear store's header`,
    );
  }
  const header = decode(LINEAR_HEADER, bytes.subarray(0, LINEAR_HEADER_SIZE));
  if (header.magic !== MAGIC) {
    throw new LinearError("MAGIC", "it does not begin with the header of a linear store");
  }
  if (header.version !== VERSION) {
    throw new LinearError("VERSION", `version ${header.version} of a linear store; known: ${VERSION}`);
  }
  if (header.headerSize !== LINEAR_HEADER_SIZE) {
    throw new LinearError("VERSION", `its header says it has ${header.headerSize} bytes, not ${LINEAR_HEADER_SIZE}`);
  }
  const sections = new Map<number, LinearSection>();
  header.sections.forEach((section, number) => {
    if (section.offset !== 0) sections.set(number, section);
    else if (section.size !== 0 || section.dataSize !== 0) {
      throw new LinearError("SECTIONS", `section ${number} has a size, but no place`);
    }
  });
  checkPlaces(sections, storeSize);
  return sections;
}

/** The sections in the order in which they lie in the store. */
export function sectionsByPlace(sections: LinearSections): readonly (readonly [number, LinearSection])[] {
  return [...sections].sort(([, a], [, b]) => a.offset - b.offset);
}

function checkPlaces(sections: LinearSections, storeSize: number): void {
  let end = LINEAR_HEADER_SIZE;
  let before = "the header";
  for (const [number, { offset, dataSize, size }] of sectionsByPlace(sections)) {
    if (dataSize > size) {
      throw new LinearError("SECTIONS", `section ${number} has ${dataSize} bytes of data in ${size} bytes`);
    }
    if (offset < end) {
      throw new LinearError(
        "SECTIONS",
        `section ${number} at offset ${offset} lies upon ${before}, which ends at ${end}`,
      );
    }
    end = offset + size;
    before = `section ${number}`;
    if (end > storeSize) {
      throw new LinearError(
        "SECTIONS",
        `section ${number} ends at ${end}, the store at ${storeSize}: it has been cut off`,
      );
    }
  }
}
