import type { HashName } from "./provider.ts";

const DIGEST_SIZE: Readonly<Record<HashName, number>> = {
  SHA1: 20,
  SHA256: 32,
  SHA384: 48,
  SHA512: 64,
  SHA3_256: 32,
  SHA3_384: 48,
  SHA3_512: 64,
};
const BLOCK_SIZE: Readonly<Record<HashName, number>> = {
  SHA1: 64,
  SHA256: 64,
  SHA384: 128,
  SHA512: 128,
  SHA3_256: 136,
  SHA3_384: 104,
  SHA3_512: 72,
};

/** Size of a digest in bytes. */
export function digestSize(hashAlg: HashName): number {
  return DIGEST_SIZE[hashAlg];
}

/** Size in bytes of the block a hash works on, which is also the size HMAC pads its key to. */
export function hashBlockSize(hashAlg: HashName): number {
  return BLOCK_SIZE[hashAlg];
}
