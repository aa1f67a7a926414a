import type { HashName } from "@vtpm/crypto";
import { TPM_ALG } from "../spec/constants.ts";

interface HashAlgorithm {
  readonly name: HashName;
  /** Bytes of a digest and of a block. */
  readonly digestSize: number;
  readonly blockSize: number;
}

const HASHES = new Map<number, HashAlgorithm>([
  [TPM_ALG.SHA1, { name: "SHA1", digestSize: 20, blockSize: 64 }],
  [TPM_ALG.SHA256, { name: "SHA256", digestSize: 32, blockSize: 64 }],
  [TPM_ALG.SHA384, { name: "SHA384", digestSize: 48, blockSize: 128 }],
  [TPM_ALG.SHA512, { name: "SHA512", digestSize: 64, blockSize: 128 }],
  [TPM_ALG.SHA3_256, { name: "SHA3_256", digestSize: 32, blockSize: 136 }],
  [TPM_ALG.SHA3_384, { name: "SHA3_384", digestSize: 48, blockSize: 104 }],
  [TPM_ALG.SHA3_512, { name: "SHA3_512", digestSize: 64, blockSize: 72 }],
]);

function hashAlgorithm(hashAlg: number): HashAlgorithm {
  const found = HASHES.get(hashAlg);
  if (found === undefined) throw new RangeError(`0x${hashAlg.toString(16)} is not a hash algorithm of this engine`);
  return found;
}

/** The crypto provider's name of a TPM hash algorithm. */
export const hashNameOf = (hashAlg: number): HashName => hashAlgorithm(hashAlg).name;

/** Bytes of a digest; 0 for TPM_ALG_NULL, as the reference counts it. */
export const digestSizeOf = (hashAlg: number): number =>
  hashAlg === TPM_ALG.NULL ? 0 : hashAlgorithm(hashAlg).digestSize;

/** Bytes of a block of the hash. */
export const blockSizeOf = (hashAlg: number): number => hashAlgorithm(hashAlg).blockSize;
