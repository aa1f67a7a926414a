import { type Bytes, bits, decode, encode, struct, type TypeOf, UINT8, UINT16, UINT32 } from "@vtpm/wire";
import { EnvelopeError } from "./envelope-error.ts";

const VERSION = 2;
const MIN_VERSION = 1;
export const HEADER_SIZE = 10;

/** Bits that later versions of swtpm add are no reason to refuse an envelope: `minVersion` is. */
export const ENVELOPE_FLAGS = bits(
  "ENVELOPE_FLAGS",
  UINT16,
  { ENCRYPTED: 0, MIGRATION_ENCRYPTED: 1, MIGRATION: 2, KEY_256: 3, MIGRATION_KEY_256: 4 },
  "kept",
);

/** What stands before every stored state and every state blob. */
export const ENVELOPE_HEADER = struct("ENVELOPE_HEADER", {
  version: UINT8,
  minVersion: UINT8,
  headerSize: UINT16,
  flags: ENVELOPE_FLAGS,
  totalSize: UINT32,
});
export type ENVELOPE_HEADER = TypeOf<typeof ENVELOPE_HEADER>;

export function headerFor(flags: number, bodySize: number): Bytes {
  return encode(ENVELOPE_HEADER, {
    version: VERSION,
    minVersion: MIN_VERSION,
    headerSize: HEADER_SIZE,
    flags,
    totalSize: HEADER_SIZE + bodySize,
  });
}

/** Reads and checks the header, in swtpm's order: which of two mistakes is reported matters to its clients. */
export function readHeader(bytes: Bytes): ENVELOPE_HEADER {
  if (bytes.length < HEADER_SIZE) {
    throw new EnvelopeError("SIZE", `${bytes.length} bytes are less than the ${HEADER_SIZE} of an envelope's header`);
  }
  const header = decode(ENVELOPE_HEADER, bytes.subarray(0, HEADER_SIZE));
  if (header.totalSize !== bytes.length) {
    throw new EnvelopeError("SIZE", `the header says ${header.totalSize} bytes in all, there are ${bytes.length}`);
  }
  if (header.minVersion > VERSION || header.version === 0) {
    const { version, minVersion } = header;
    throw new EnvelopeError(
      "VERSION",
      `version ${version}, for readers of version ${minVersion} or later; known: 1, 2`,
    );
  }
  if (header.headerSize !== HEADER_SIZE) {
    throw new EnvelopeError("HEADER_SIZE", `the header says it has ${header.headerSize} bytes, not ${HEADER_SIZE}`);
  }
  return header;
}
