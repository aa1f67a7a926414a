import { concatBytes, equalBytes } from "@vtpm/wire";
import { digestSize } from "../hash-sizes.ts";
import type { Bytes, CryptoProvider, HashName, RsaPrivateKey } from "../provider.ts";
import type { RsaPublicKey } from "./public-key.ts";
import { recoverBlock } from "./recover-block.ts";

/** Object identifiers of the hashes, encoded. */
const OID: Readonly<Record<HashName, Bytes>> = {
  SHA1: Uint8Array.of(0x06, 5, 0x2b, 0x0e, 0x03, 0x02, 0x1a),
  SHA256: Uint8Array.of(0x06, 9, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01),
  SHA384: Uint8Array.of(0x06, 9, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02),
  SHA512: Uint8Array.of(0x06, 9, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03),
  SHA3_256: Uint8Array.of(0x06, 9, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x08),
  SHA3_384: Uint8Array.of(0x06, 9, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x09),
  SHA3_512: Uint8Array.of(0x06, 9, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x0a),
};
const DER_NULL = Uint8Array.of(0x05, 0);
/** 00 01, eight bytes of padding at least, 00. */
const OVERHEAD = 11;

/** The DigestInfo structure that names the hash in a signature. @spec RFC 8017, "EMSA-PKCS1-v1_5" */
export function digestInfo(hashAlg: HashName, digest: Bytes): Bytes {
  if (digest.length !== digestSize(hashAlg)) {
    throw new RangeError(`${hashAlg} has digests of ${digestSize(hashAlg)} bytes, found ${digest.length}`);
  }
  const algorithm = concatBytes(OID[hashAlg], DER_NULL);
  return concatBytes(
    Uint8Array.of(0x30, algorithm.length + digest.length + 4, 0x30, algorithm.length),
    algorithm,
    Uint8Array.of(0x04, digest.length),
    digest,
  );
}

/**
 * The block that is signed: `size` bytes, the size of the modulus.
 *
 * @spec RFC 8017, "EMSA-PKCS1-v1_5"
 * @throws RangeError if the digest is not one of that hash, or the block too small for it
 */
export function encodeRsassa(hashAlg: HashName, digest: Bytes, size: number): Bytes {
  const info = digestInfo(hashAlg, digest);
  if (size < info.length + OVERHEAD) throw new RangeError(`RSASSA with ${hashAlg} does not fit into ${size} bytes`);
  const infoStart = size - info.length;
  const encoded = new Uint8Array(size).fill(0xff);
  encoded[0] = 0;
  encoded[1] = 1;
  encoded[infoStart - 1] = 0;
  encoded.set(info, infoStart);
  return encoded;
}

/** Signs a digest. @throws RangeError as `encodeRsassa` does */
export function signRsassa(provider: CryptoProvider, key: RsaPrivateKey, hashAlg: HashName, digest: Bytes): Bytes {
  return provider.rsaPrivate(key, encodeRsassa(hashAlg, digest, key.modulus.length));
}

/** Whether a signature of a digest is good; never throws for what a signer may have sent. */
export function verifyRsassa(
  provider: CryptoProvider,
  key: RsaPublicKey,
  hashAlg: HashName,
  digest: Bytes,
  signature: Bytes,
): boolean {
  if (digest.length !== digestSize(hashAlg)) return false;
  const size = key.modulus.length;
  if (size < digestInfo(hashAlg, digest).length + OVERHEAD) return false;
  const block = recoverBlock(provider, key, signature);
  // Compared as a whole, so no freedom in the encoding is left to forgers.
  return block !== undefined && equalBytes(block, encodeRsassa(hashAlg, digest, size));
}
