import { createHash, createHmac, hash as hashOnce } from "node:crypto";
import type { Bytes, HashName } from "../provider.ts";
import { ownBytes } from "./own-bytes.ts";

const OPENSSL_NAME: Readonly<Record<HashName, string>> = {
  SHA1: "sha1",
  SHA256: "sha256",
  SHA384: "sha384",
  SHA512: "sha512",
  SHA3_256: "sha3-256",
  SHA3_384: "sha3-384",
  SHA3_512: "sha3-512",
};

/** Inputs are joined here for the one-shot call, which costs half of what an object does; wiped after use. */
const scratch = new Uint8Array(4096);

/** Digest of the concatenation of all data. */
export function nodeHash(hashAlg: HashName, data: readonly Bytes[]): Bytes {
  const name = OPENSSL_NAME[hashAlg];
  const [only] = data;
  if (data.length === 1 && only !== undefined) return ownBytes(hashOnce(name, only, "buffer"));
  const size = totalSize(data);
  if (size > scratch.length) {
    const state = createHash(name);
    for (const part of data) state.update(part);
    return ownBytes(state.digest());
  }
  join(data);
  const digest = hashOnce(name, scratch.subarray(0, size), "buffer");
  scratch.fill(0, 0, size);
  return ownBytes(digest);
}

/** HMAC of the concatenation of all data. */
export function nodeHmac(hashAlg: HashName, key: Bytes, data: readonly Bytes[]): Bytes {
  const state = createHmac(OPENSSL_NAME[hashAlg], key);
  for (const part of data) state.update(part);
  return ownBytes(state.digest());
}

function totalSize(data: readonly Bytes[]): number {
  let size = 0;
  for (const part of data) size += part.length;
  return size;
}

function join(data: readonly Bytes[]): void {
  let at = 0;
  for (const part of data) {
    scratch.set(part, at);
    at += part.length;
  }
}
