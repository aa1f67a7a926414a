import { type Bytes, EMPTY, Reader } from "@vtpm/wire";
import { command, u32 } from "../raw-tpm.ts";

const READ_PUBLIC = 0x173;
const NV_READ_PUBLIC = 0x169;

/**
 * The Name of an entity as a caller learns it. Both TPMs are asked in the same way, because asking shows: an exclusive audit
 * session is not exclusive afterwards.
 */
export async function nameByReading(
  execute: (command: Bytes) => Promise<Bytes> | Bytes,
  handle: number,
): Promise<Bytes> {
  const type = Math.floor(handle / 2 ** 24);
  if (type === 0x80 || type === 0x81) return await publicName(execute, READ_PUBLIC, handle);
  if (type === 0x01) return await publicName(execute, NV_READ_PUBLIC, handle);
  return new Uint8Array(u32(handle));
}

/** The Name behind the public area; nothing for a sequence, which has none. */
async function publicName(
  execute: (command: Bytes) => Promise<Bytes> | Bytes,
  code: number,
  handle: number,
): Promise<Bytes> {
  const reader = new Reader(await execute(new Uint8Array(command(code, u32(handle)))));
  reader.bytes(6);
  if (reader.uint32() !== 0) return EMPTY;
  reader.bytes(reader.uint16());
  return reader.bytes(reader.uint16());
}
