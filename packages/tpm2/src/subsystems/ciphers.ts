import type { CipherMode, CipherName } from "@vtpm/crypto";
import { TPM_ALG } from "../spec/constants.ts";

/** A block cipher with the size of its block in bytes. */
export interface Cipher {
  readonly name: CipherName;
  readonly blockSize: number;
}

const CIPHERS = new Map<number, Cipher>([
  [TPM_ALG.AES, { name: "AES", blockSize: 16 }],
  [TPM_ALG.CAMELLIA, { name: "CAMELLIA", blockSize: 16 }],
  [TPM_ALG.TDES, { name: "TDES", blockSize: 8 }],
]);

const MODES = new Map<number, CipherMode>([
  [TPM_ALG.CTR, "CTR"],
  [TPM_ALG.OFB, "OFB"],
  [TPM_ALG.CBC, "CBC"],
  [TPM_ALG.CFB, "CFB"],
  [TPM_ALG.ECB, "ECB"],
]);

/** The crypto provider's name of a TPM block cipher, and its block size. */
export function cipherOf(algorithm: number): Cipher {
  const cipher = CIPHERS.get(algorithm);
  if (cipher === undefined) throw new RangeError(`0x${algorithm.toString(16)} is not a block cipher of this engine`);
  return cipher;
}

/** The crypto provider's name of a mode; `undefined` for what is no mode of encryption (CMAC, NULL). */
export const modeOf = (mode: number): CipherMode | undefined => MODES.get(mode);
