import { hash } from "node:crypto";
import type { Bytes } from "@vtpm/wire";

export const DIGEST_SIZE = 32;

/** SHA-256: tells damage, and which state file a journal belongs to. */
export function digestOf(bytes: Bytes): Bytes {
  return new Uint8Array(hash("sha256", bytes, "buffer"));
}

/** Stands for a state file that does not exist. */
export const NO_FILE: Bytes = new Uint8Array(DIGEST_SIZE);
