import { TPM_ALG, TPM_ECC_CURVE } from "@vtpm/tpm2/spec";

/** The kinds of asymmetric keys that a new TPM can be given. */
export const KEY_ALGORITHMS = {
  rsa2048: { type: "rsa", bits: 2048, nameAlg: TPM_ALG.SHA256, aesBits: 128 },
  rsa3072: { type: "rsa", bits: 3072, nameAlg: TPM_ALG.SHA384, aesBits: 256 },
  rsa4096: { type: "rsa", bits: 4096, nameAlg: TPM_ALG.SHA384, aesBits: 256 },
  secp256r1: { type: "ecc", curve: TPM_ECC_CURVE.NIST_P256, size: 32, nameAlg: TPM_ALG.SHA256, aesBits: 128 },
  secp384r1: { type: "ecc", curve: TPM_ECC_CURVE.NIST_P384, size: 48, nameAlg: TPM_ALG.SHA384, aesBits: 256 },
  secp521r1: { type: "ecc", curve: TPM_ECC_CURVE.NIST_P521, size: 66, nameAlg: TPM_ALG.SHA512, aesBits: 256 },
} as const;

export type KeyAlgorithm = keyof typeof KEY_ALGORITHMS;

const OTHER_NAMES: Readonly<Record<string, KeyAlgorithm>> = {
  ecc_nist_p256: "secp256r1",
  ecc_nist_p384: "secp384r1",
  ecc_nist_p521: "secp521r1",
};

/** The algorithm of this name, in any case; `undefined` if there is none. */
export function keyAlgorithm(name: string): KeyAlgorithm | undefined {
  const lower = name.toLowerCase();
  if (Object.hasOwn(KEY_ALGORITHMS, lower)) return lower as KeyAlgorithm; // it is one of the keys
  return OTHER_NAMES[lower];
}
