import { type Bytes, buffer, concatBytes, encode, Reader, Refusal, struct, UINT16, UINT32 } from "@vtpm/wire";
import { EnvelopeError } from "./envelope-error.ts";

/** What a part behind the header is. */
export const TAG = {
  DATA: 1,
  ENCRYPTED_DATA: 2,
  HMAC: 3,
  MIGRATION_DATA: 4,
  ENCRYPTED_MIGRATION_DATA: 5,
  IV: 6,
  MIGRATION_IV: 7,
} as const;

const ENVELOPE_PART = struct("ENVELOPE_PART", {
  tag: UINT16,
  value: buffer("ENVELOPE_VALUE", { base: UINT32, max: 0xffff_ffff }),
});

/** Tagged parts in any order; which of them there must be is the reader's business. */
export type Parts = ReadonlyMap<number, Bytes>;

export function writeParts(parts: Parts): Bytes {
  return concatBytes(...Array.from(parts, ([tag, value]) => encode(ENVELOPE_PART, { tag, value })));
}

export function readParts(body: Bytes): Parts {
  const parts = new Map<number, Bytes>();
  const reader = new Reader(body);
  try {
    while (reader.remaining > 0) {
      const start = reader.offset;
      const { tag, value } = ENVELOPE_PART.read(reader);
      if (parts.has(tag)) throw reader.refuse("TAG", `a second part with tag ${tag}`, start);
      parts.set(tag, value);
    }
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    throw new EnvelopeError("PARTS", `the parts behind the header: ${error.message}`, { cause: error });
  }
  return parts;
}

export function partOf(parts: Parts, tag: number): Bytes {
  const value = parts.get(tag);
  if (value === undefined) throw new EnvelopeError("PARTS", `there is no part with tag ${tag}`);
  return value;
}
