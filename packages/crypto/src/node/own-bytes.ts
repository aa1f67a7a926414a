import type { Bytes } from "../provider.ts";

/** A plain byte array from a `Buffer` of Node.js: nothing above this folder sees a `Buffer` or memory of the shared pool. */
export function ownBytes(buffer: Buffer): Bytes {
  const isAlone = buffer.length === buffer.buffer.byteLength;
  return isAlone ? new Uint8Array(buffer.buffer) : new Uint8Array(buffer);
}
