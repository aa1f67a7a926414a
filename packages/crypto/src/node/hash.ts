import { createHash, createHmac, hash as hashOnce } from "node:crypto";
import { hashBlockSize } from "../hash-sizes.ts";
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
/** The same memory, to write strings to. */
const letters = Buffer.from(scratch.buffer);

const INNER_PAD = 0x36;
const OUTER_PAD = 0x5c;

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
  join(data, 0);
  const digest = hashOnce(name, scratch.subarray(0, size), "buffer");
  scratch.fill(0, 0, size);
  return ownBytes(digest);
}

/**
 * HMAC of the concatenation of all data: by its definition, from two digests, since an object for it costs more than both.
 *
 * @spec RFC 2104
 */
export function nodeHmac(hashAlg: HashName, key: Bytes, data: readonly Bytes[]): Bytes {
  const name = OPENSSL_NAME[hashAlg];
  const block = hashBlockSize(hashAlg);
  const size = block + totalSize(data);
  if (key.length > block || size > scratch.length) {
    const state = createHmac(name, key);
    for (const part of data) state.update(part);
    return ownBytes(state.digest());
  }
  scratch.set(key);
  scratch.fill(0, key.length, block);
  for (let i = 0; i < block; i++) scratch[i] = (scratch[i] as number) ^ INNER_PAD;
  join(data, block);
  // The inner digest tells no more than the HMAC does: it may be a string, which needs no memory outside of the heap.
  const inner = hashOnce(name, scratch.subarray(0, size), "binary");
  for (let i = 0; i < block; i++) scratch[i] = (scratch[i] as number) ^ (INNER_PAD ^ OUTER_PAD);
  const end = block + letters.write(inner, block, "binary");
  const digest = hashOnce(name, scratch.subarray(0, end), "buffer");
  scratch.fill(0, 0, Math.max(size, end));
  return ownBytes(digest);
}

function totalSize(data: readonly Bytes[]): number {
  let size = 0;
  for (const part of data) size += part.length;
  return size;
}

function join(data: readonly Bytes[], start: number): void {
  let at = start;
  for (const part of data) {
    scratch.set(part, at);
    at += part.length;
  }
}
