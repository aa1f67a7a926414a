import type { Bytes } from "../provider.ts";

/** A block cipher with its key schedule; both functions work in place on one whole block. */
export interface BlockCipher {
  readonly blockSize: number;
  encryptBlock(block: Bytes): void;
  decryptBlock(block: Bytes): void;
}
