import { equalBytes } from "@vtpm/wire";
import { digestSize } from "../hash-sizes.ts";
import { applyMgf1 } from "../mgf1.ts";
import type { Bytes, CryptoProvider, HashName, RandomSource, RsaPrivateKey } from "../provider.ts";
import type { RsaPublicKey } from "./public-key.ts";
import { recoverBlock } from "./recover-block.ts";

const PREFIX = new Uint8Array(8);
const TRAILER = 0xbc;

/** Size of the salt in bytes: that of the digest, or less if no more fits; what libtpms and FIPS 186-4 do. */
export function pssSaltSize(hashAlg: HashName, size: number): number {
  const hashSize = digestSize(hashAlg);
  return Math.max(0, Math.min(hashSize, size - hashSize - 2));
}

/**
 * The block that is signed: `size` bytes, the size of a modulus with its top bit set, as all of a TPM are.
 *
 * @spec RFC 8017, "EMSA-PSS", "Encoding Operation"
 * @throws RangeError if the digest does not fit
 */
export function encodePss(
  provider: CryptoProvider,
  hashAlg: HashName,
  digest: Bytes,
  size: number,
  random: RandomSource,
): Bytes {
  const hashSize = digestSize(hashAlg);
  if (size < hashSize + 2) throw new RangeError(`RSAPSS with ${hashAlg} does not fit into ${size} bytes`);
  const salt = random.generate(pssSaltSize(hashAlg, size));
  const hash = provider.hash(hashAlg, PREFIX, digest, salt);
  const encoded = new Uint8Array(size);
  const block = encoded.subarray(0, size - hashSize - 1);
  block[block.length - salt.length - 1] = 1;
  block.set(salt, block.length - salt.length);
  applyMgf1(provider, hashAlg, hash, block);
  block[0] = (block[0] as number) & 0x7f;
  encoded.set(hash, block.length);
  encoded[size - 1] = TRAILER;
  return encoded;
}

/**
 * Whether a block is an encoding of a digest, with a salt of any size.
 *
 * @spec RFC 8017, "EMSA-PSS", "Verification Operation"
 */
export function isPssEncoding(provider: CryptoProvider, hashAlg: HashName, digest: Bytes, encoded: Bytes): boolean {
  const hashSize = digestSize(hashAlg);
  if (encoded.length < hashSize + 2 || encoded[encoded.length - 1] !== TRAILER) return false;
  const block = encoded.slice(0, encoded.length - hashSize - 1);
  const hash = encoded.slice(block.length, -1);
  if ((block[0] as number) >= 0x80) return false;
  applyMgf1(provider, hashAlg, hash, block);
  block[0] = (block[0] as number) & 0x7f;
  const separator = block.findIndex((byte) => byte !== 0);
  if (separator === -1 || block[separator] !== 1) return false;
  return equalBytes(hash, provider.hash(hashAlg, PREFIX, digest, block.subarray(separator + 1)));
}

/** Signs a digest. @throws RangeError as `encodePss` does */
export function signRsapss(
  provider: CryptoProvider,
  key: RsaPrivateKey,
  hashAlg: HashName,
  digest: Bytes,
  random: RandomSource,
): Bytes {
  return provider.rsaPrivate(key, encodePss(provider, hashAlg, digest, key.modulus.length, random));
}

/** Whether a signature of a digest is good; never throws for what a signer may have sent. */
export function verifyRsapss(
  provider: CryptoProvider,
  key: RsaPublicKey,
  hashAlg: HashName,
  digest: Bytes,
  signature: Bytes,
): boolean {
  const block = recoverBlock(provider, key, signature);
  return block !== undefined && isPssEncoding(provider, hashAlg, digest, block);
}
