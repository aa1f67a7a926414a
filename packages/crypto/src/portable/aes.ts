import { unsafe } from "@noble/ciphers/aes.js";
import type { Bytes } from "../provider.ts";
import type { BlockCipher } from "./block-cipher.ts";

/** AES on single blocks; noble's own modes do not hand out the chaining value. */
export function createAes(key: Bytes): BlockCipher {
  const encryption = unsafe.expandKeyLE(key);
  let decryption: Uint32Array | undefined;
  return {
    blockSize: 16,
    encryptBlock: (block) => {
      unsafe.encryptBlock(encryption, block);
    },
    decryptBlock: (block) => {
      decryption ??= unsafe.expandKeyDecLE(key);
      unsafe.decryptBlock(decryption, block);
    },
  };
}
