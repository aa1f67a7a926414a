import { type Bytes, bytes, concatBytes, decode, encode, equalBytes, list, Refusal, struct } from "@vtpm/wire";
import { DIGEST_SIZE, digestOf } from "./digest.ts";
import { ASCII, VALUE } from "./entry-format.ts";
import type { Entries } from "./store.ts";

/** "vTPM state", format 1. */
const MAGIC = Uint8Array.of(0x76, 0x54, 0x50, 0x4d, 0x20, 0x73, 0x74, 0x61, 0x74, 0x65, 0x00, 0x01);

const STATE_FILE = struct("state file", {
  magic: bytes("magic", MAGIC.length),
  entries: list("entries", struct("entry", { key: ASCII, value: VALUE }), { max: 0xffff }),
});

/** Bytes that are no state file; the message says why. */
export class NotAStateFile extends Error {
  override readonly name = "NotAStateFile";
}

/** The content of a state file: everything durable about one TPM, and a digest over it. */
export function encodeStateFile(entries: Entries): Bytes {
  const content = encode(STATE_FILE, {
    magic: MAGIC,
    entries: [...entries].map(([key, value]) => ({ key, value })),
  });
  return concatBytes(content, digestOf(content));
}

/** Reads a state file back. Throws `NotAStateFile` for anything but an undamaged one. */
export function decodeStateFile(file: Bytes): Map<string, Bytes> {
  if (!equalBytes(file.subarray(0, MAGIC.length), MAGIC)) throw new NotAStateFile("is not a state file of vtpm");
  const end = file.length - DIGEST_SIZE;
  if (end < MAGIC.length || !equalBytes(digestOf(file.subarray(0, end)), file.subarray(end))) {
    throw new NotAStateFile("is incomplete or damaged: its checksum does not match");
  }
  try {
    return new Map(decode(STATE_FILE, file.subarray(0, end)).entries.map(({ key, value }) => [key, value]));
  } catch (error) {
    if (error instanceof Refusal) throw new NotAStateFile(`is malformed: ${error.message}`, { cause: error });
    throw error;
  }
}
