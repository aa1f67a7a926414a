import type { CipherMode, CipherName } from "./provider.ts";

const KEY_SIZES: Readonly<Record<CipherName, readonly number[]>> = {
  AES: [16, 24, 32],
  CAMELLIA: [16, 24, 32],
  TDES: [16, 24],
};

/** Size in bytes of the block a cipher works on, and of its iv. */
export function cipherBlockSize(cipher: CipherName): number {
  return cipher === "TDES" ? 8 : 16;
}

/** Whether a cipher takes keys of this many bytes; a TDES key of 16 bytes means K1, K2, K1. */
export function isKeySize(cipher: CipherName, size: number): boolean {
  return KEY_SIZES[cipher].includes(size);
}

/**
 * Refuses what no mode can work with.
 *
 * @throws RangeError naming the size that is wrong
 */
export function assertCipherSizes(
  cipher: CipherName,
  mode: CipherMode,
  keySize: number,
  ivSize: number,
  dataSize: number,
): void {
  const blockSize = cipherBlockSize(cipher);
  if (!isKeySize(cipher, keySize)) throw new RangeError(`${cipher} has no key of ${keySize} bytes`);
  if (mode !== "ECB" && ivSize !== blockSize) {
    throw new RangeError(`${cipher}-${mode} needs an iv of ${blockSize} bytes, found ${ivSize}`);
  }
  if ((mode === "CBC" || mode === "ECB") && dataSize % blockSize !== 0) {
    throw new RangeError(`${cipher}-${mode} needs whole blocks of ${blockSize} bytes, found ${dataSize}`);
  }
}
