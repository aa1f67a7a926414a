import type { Profile } from "../profile.ts";
import { TPM_ALG } from "../spec/constants.ts";

/**
 * What libtpms has a self test for, ascending; an algorithm is tested at its first use, or by command. Of the modes it
 * begins with one, and algorithms that are built on these have no test of their own.
 */
const TESTABLE: readonly number[] = [
  TPM_ALG.TDES,
  TPM_ALG.SHA1,
  TPM_ALG.AES,
  TPM_ALG.SHA256,
  TPM_ALG.SHA384,
  TPM_ALG.SHA512,
  TPM_ALG.RSASSA,
  TPM_ALG.RSAES,
  TPM_ALG.RSAPSS,
  TPM_ALG.OAEP,
  TPM_ALG.ECDSA,
  TPM_ALG.ECDH,
  TPM_ALG.ECSCHNORR,
  TPM_ALG.KDF1_SP800_108,
  TPM_ALG.CAMELLIA,
  TPM_ALG.SHA3_256,
  TPM_ALG.SHA3_384,
  TPM_ALG.SHA3_512,
  TPM_ALG.CFB,
];

/** The algorithms that exist beyond libtpms, and are in this list for profiles that have them. */
const BEYOND: readonly number[] = [TPM_ALG.SHA3_256, TPM_ALG.SHA3_384, TPM_ALG.SHA3_512];

/** What the test of an algorithm tests too, or tests in its place. */
const ALSO = new Map<number, readonly number[]>([
  [TPM_ALG.AES, [TPM_ALG.CFB]],
  [TPM_ALG.CFB, [TPM_ALG.AES]],
  [TPM_ALG.HMAC, [TPM_ALG.SHA512]],
  [TPM_ALG.OAEP, [TPM_ALG.SHA512]],
  [TPM_ALG.KDF1_SP800_108, [TPM_ALG.SHA512]],
  [TPM_ALG.ECC, [TPM_ALG.ECDH]],
  [TPM_ALG.ECDSA, [TPM_ALG.ECDH, TPM_ALG.SHA512]],
  [TPM_ALG.ECSCHNORR, [TPM_ALG.ECDH, TPM_ALG.SHA512]],
]);

/** What is untested after _TPM_Init: everything, whatever of it the profile lets callers name. */
export function allUntested({ algorithms }: Profile): readonly number[] {
  return TESTABLE.filter((algorithm) => algorithms.has(algorithm) || !BEYOND.includes(algorithm));
}

/** What is left once `algorithm` is tested; the same array if that changes nothing. */
export function untestedWithout(untested: readonly number[], algorithm: number): readonly number[] {
  const also = ALSO.get(algorithm) ?? [];
  // Asked for with everything that is computed, and hardly ever true.
  if (!untested.includes(algorithm) && !also.some((each) => untested.includes(each))) return untested;
  return untested.filter((each) => each !== algorithm && !also.includes(each));
}
