import { createHash, createHmac, hash as hashOnce } from "node:crypto";
import { hashBlockSize } from "../hash-sizes.ts";
import type { Bytes, HashName } from "../provider.ts";
import { ownBytes } from "./own-bytes.ts";

const OPENSSL_NAME: Readonly<Record<HashName, string>> = {
  SHA1: "sha1",
  SHA256: "sha256",
  SHA384: "sha384",
  SHA512: "sha512",
};
const IPAD = 0x36;
const OPAD = 0x5c;

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
  join(data, 0);
  const digest = hashOnce(name, scratch.subarray(0, size), "buffer");
  scratch.fill(0, 0, size);
  return ownBytes(digest);
}

/** HMAC of the concatenation of all data. @spec RFC 2104, "Definition of HMAC" */
export function nodeHmac(hashAlg: HashName, key: Bytes, data: readonly Bytes[]): Bytes {
  const name = OPENSSL_NAME[hashAlg];
  const blockSize = hashBlockSize(hashAlg);
  const size = blockSize + totalSize(data);
  if (size > scratch.length || key.length > blockSize) {
    const state = createHmac(name, key);
    for (const part of data) state.update(part);
    return ownBytes(state.digest());
  }
  padKey(key, blockSize, IPAD);
  join(data, blockSize);
  const inner = hashOnce(name, scratch.subarray(0, size), "buffer");
  padKey(key, blockSize, OPAD);
  scratch.set(inner, blockSize);
  const mac = hashOnce(name, scratch.subarray(0, blockSize + inner.length), "buffer");
  scratch.fill(0, 0, Math.max(size, blockSize + inner.length));
  return ownBytes(mac);
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

function padKey(key: Bytes, blockSize: number, pad: number): void {
  for (let i = 0; i < key.length; i++) scratch[i] = (key[i] as number) ^ pad;
  scratch.fill(pad, key.length, blockSize);
}
