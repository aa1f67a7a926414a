import { pbkdf2 } from "@noble/hashes/pbkdf2.js";
import { sha512 } from "@noble/hashes/sha2.js";
import type { Bytes } from "./provider.ts";

/** A key of `size` bytes from a passphrase, with HMAC-SHA512. @spec RFC 8018, "PBKDF2" */
export function pbkdf2Sha512(passphrase: Bytes, salt: Bytes, iterations: number, size: number): Bytes {
  return pbkdf2(sha512, passphrase, salt, { c: iterations, dkLen: size });
}
