import { hmac } from "@noble/hashes/hmac.js";
import { sha1 } from "@noble/hashes/legacy.js";
import { sha256, sha384, sha512 } from "@noble/hashes/sha2.js";
import { sha3_256, sha3_384, sha3_512 } from "@noble/hashes/sha3.js";
import type { Bytes, HashName } from "../provider.ts";

const HASHES = {
  SHA1: sha1,
  SHA256: sha256,
  SHA384: sha384,
  SHA512: sha512,
  SHA3_256: sha3_256,
  SHA3_384: sha3_384,
  SHA3_512: sha3_512,
} as const;

/** Digest of the concatenation of all data. */
export function portableHash(hashAlg: HashName, data: readonly Bytes[]): Bytes {
  const state = HASHES[hashAlg].create();
  for (const part of data) state.update(part);
  return state.digest();
}

/** HMAC of the concatenation of all data. */
export function portableHmac(hashAlg: HashName, key: Bytes, data: readonly Bytes[]): Bytes {
  const state = hmac.create(HASHES[hashAlg], key);
  for (const part of data) state.update(part);
  return state.digest();
}
