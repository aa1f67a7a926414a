import type { Bytes } from "../provider.ts";
import type { BlockCipher } from "./block-cipher.ts";
import { createCamellia } from "./camellia.ts";
import { createTdes } from "./tdes.ts";

/** The ciphers that no JavaScript library of repute has, ours; apart from AES so that the Node.js provider need not load that. */
export function createLegacyCipher(cipher: "CAMELLIA" | "TDES", key: Bytes): BlockCipher {
  return cipher === "TDES" ? createTdes(key) : createCamellia(key);
}
