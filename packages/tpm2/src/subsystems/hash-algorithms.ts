import { digestSize, type HashName, hashBlockSize } from "@vtpm/crypto";
import { TPM_ALG } from "../spec/constants.ts";

const NAMES = new Map<number, HashName>([
  [TPM_ALG.SHA1, "SHA1"],
  [TPM_ALG.SHA256, "SHA256"],
  [TPM_ALG.SHA384, "SHA384"],
  [TPM_ALG.SHA512, "SHA512"],
  [TPM_ALG.SHA3_256, "SHA3_256"],
  [TPM_ALG.SHA3_384, "SHA3_384"],
  [TPM_ALG.SHA3_512, "SHA3_512"],
]);

/** The crypto provider's name of a TPM hash algorithm. */
export function hashNameOf(hashAlg: number): HashName {
  const name = NAMES.get(hashAlg);
  if (name === undefined) throw new RangeError(`0x${hashAlg.toString(16)} is not a hash algorithm of this engine`);
  return name;
}

/** Bytes of a digest; 0 for TPM_ALG_NULL, as the reference counts it. */
export const digestSizeOf = (hashAlg: number): number =>
  hashAlg === TPM_ALG.NULL ? 0 : digestSize(hashNameOf(hashAlg));

/** Bytes of a block of the hash. */
export const blockSizeOf = (hashAlg: number): number => hashBlockSize(hashNameOf(hashAlg));
