import { type CipherMode, type CipherName, cipherBlockSize } from "@vtpm/crypto";
import { TPM_ALG } from "../spec/constants.ts";

/** A block cipher with the size of its block in bytes. */
export interface Cipher {
  readonly name: CipherName;
  readonly blockSize: number;
}

const cipher = (name: CipherName): Cipher => ({ name, blockSize: cipherBlockSize(name) });

const CIPHERS = new Map<number, Cipher>([
  [TPM_ALG.AES, cipher("AES")],
  [TPM_ALG.CAMELLIA, cipher("CAMELLIA")],
  [TPM_ALG.TDES, cipher("TDES")],
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
  const found = CIPHERS.get(algorithm);
  if (found === undefined) throw new RangeError(`0x${algorithm.toString(16)} is not a block cipher of this engine`);
  return found;
}

/** The crypto provider's name of a mode; `undefined` for what is no mode of encryption (CMAC, NULL). */
export const modeOf = (mode: number): CipherMode | undefined => MODES.get(mode);
