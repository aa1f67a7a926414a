import { randomBytes } from "node:crypto";
import {
  type Bytes,
  buffer,
  bytes,
  type Codec,
  concatBytes,
  decode,
  encode,
  equalBytes,
  list,
  optional,
  Refusal,
  struct,
  type TypeOf,
  UINT8,
  UINT32,
  UINT64,
} from "@vtpm/wire";
import { DIGEST_SIZE, digestOf } from "./digest.ts";

/** Larger than any state file: bytes. */
const MAX_DELTA_SIZE = 0x100_0000;

/** The name of a TPM, in ASCII. */
const TPM_NAME: Codec<string> = (() => {
  const text = buffer("TPM name", { base: UINT8, max: 0xff });
  return {
    name: text.name,
    shape: text.shape,
    read: (reader) => Buffer.from(text.read(reader)).toString("latin1"),
    write: (writer, value) => text.write(writer, Buffer.from(value, "latin1")),
    text: (value) => value,
  };
})();

/** What one record says about one TPM. */
const JOURNAL_ENTRY = struct("journal entry", {
  tpm: TPM_NAME,
  /** Digest of a state file that contains everything recorded before this entry; absent: the earlier entries count. */
  base: optional(bytes("base", DIGEST_SIZE)),
  deltas: list("deltas", buffer("delta", { base: UINT32, max: MAX_DELTA_SIZE }), { max: 0xff_ffff }),
});
export type JournalEntry = TypeOf<typeof JOURNAL_ENTRY>;

/** What one append writes: complete or never acknowledged. Sequence numbers run on from file to file without a gap. */
const JOURNAL_RECORD = struct("journal record", {
  sequence: UINT64,
  entries: list("entries", JOURNAL_ENTRY, { max: 0xff_ffff }),
});
export type JournalRecord = TypeOf<typeof JOURNAL_RECORD>;

/** "vTPM journal", format 1. */
const FILE_MAGIC = Uint8Array.of(0x76, 0x54, 0x50, 0x4d, 0x20, 0x6a, 0x6f, 0x75, 0x72, 0x6e, 0x61, 0x6c, 0x00, 0x01);
const SALT_SIZE = 16;
const CHECKSUM_SIZE = 16;
/** A journal file begins with its magic, a random salt, and a checksum of both. */
export const FILE_HEADER_SIZE = FILE_MAGIC.length + SALT_SIZE + CHECKSUM_SIZE;

const RECORD_MAGIC = Uint8Array.of(0x76, 0x54, 0x52, 0x31);
/** A record begins with its magic, the size of its body, and a checksum of salt and body. */
const RECORD_HEADER_SIZE = RECORD_MAGIC.length + 4 + CHECKSUM_SIZE;

/** A journal that says something that cannot be; the message says what and where. */
export class DamagedJournal extends Error {
  override readonly name = "DamagedJournal";
}

/** The salt makes checksums unpredictable: no content a guest chooses can pass for a record. */
export function createSalt(): Bytes {
  return new Uint8Array(randomBytes(SALT_SIZE));
}

export function encodeFileHeader(salt: Bytes): Bytes {
  const head = concatBytes(FILE_MAGIC, salt);
  return concatBytes(head, checksum(head));
}

export function encodeJournalRecord(salt: Bytes, record: JournalRecord): Bytes {
  const body = encode(JOURNAL_RECORD, record);
  const size = new Uint8Array(4);
  new DataView(size.buffer).setUint32(0, body.length);
  return concatBytes(RECORD_MAGIC, size, checksum(salt, body), body);
}

/**
 * The records of a journal file. What follows the last complete one was being written when the power went and was never
 * acknowledged: it is left out. Damage that is followed by a complete record cannot have come about that way.
 *
 * Throws `DamagedJournal`.
 */
export function decodeJournal(file: Bytes): JournalRecord[] {
  // The header is durable before the first record is written: with less than it, there was none.
  if (file.length <= FILE_HEADER_SIZE) return [];
  const salt = file.subarray(FILE_MAGIC.length, FILE_MAGIC.length + SALT_SIZE);
  if (!equalBytes(file.subarray(0, FILE_HEADER_SIZE), encodeFileHeader(salt))) {
    throw new DamagedJournal("does not begin with the header of a journal of vtpm");
  }
  const records: JournalRecord[] = [];
  let offset = FILE_HEADER_SIZE;
  while (offset < file.length) {
    const body = bodyAt(file, offset, salt);
    if (body === undefined) {
      const next = findRecord(file, offset + 1, salt);
      if (next === undefined) return records;
      throw new DamagedJournal(`is damaged between offsets ${offset} and ${next}`);
    }
    records.push(decodeRecord(body, offset));
    offset += RECORD_HEADER_SIZE + body.length;
  }
  return records;
}

function decodeRecord(body: Bytes, offset: number): JournalRecord {
  try {
    return decode(JOURNAL_RECORD, body);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    throw new DamagedJournal(`has a malformed record at offset ${offset}: ${error.message}`, { cause: error });
  }
}

/** The body of the complete, undamaged record at `offset`. */
function bodyAt(file: Bytes, offset: number, salt: Bytes): Bytes | undefined {
  const start = offset + RECORD_HEADER_SIZE;
  if (start > file.length || !equalBytes(file.subarray(offset, offset + RECORD_MAGIC.length), RECORD_MAGIC)) return;
  const size = new DataView(file.buffer, file.byteOffset).getUint32(offset + RECORD_MAGIC.length);
  if (size > file.length - start) return undefined;
  const body = file.subarray(start, start + size);
  const stored = file.subarray(start - CHECKSUM_SIZE, start);
  return equalBytes(checksum(salt, body), stored) ? body : undefined;
}

/** Where the first complete record at or after `from` begins. */
function findRecord(file: Bytes, from: number, salt: Bytes): number | undefined {
  const haystack = Buffer.from(file.buffer, file.byteOffset, file.length);
  // A file made to contain many beginnings must not cost more than reading it a few times; past that, call it damaged.
  let budget = 16 * file.length;
  for (let at = haystack.indexOf(RECORD_MAGIC, from); at >= 0; at = haystack.indexOf(RECORD_MAGIC, at + 1)) {
    budget -= file.length - at;
    if (budget < 0 || bodyAt(file, at, salt) !== undefined) return at;
  }
  return undefined;
}

function checksum(...parts: readonly Bytes[]): Bytes {
  return digestOf(concatBytes(...parts)).subarray(0, CHECKSUM_SIZE);
}
