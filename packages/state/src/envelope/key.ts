import { type CryptoProvider, pbkdf2Sha512 } from "@vtpm/crypto";
import { type Bytes, fromHex, plainBytes } from "@vtpm/wire";

/** "swtpm" */
const SALT: Bytes = fromHex("73 77 74 70 6d");
const ITERATIONS = 1000;

/** What a key file or passphrase file holds: the key itself, or a passphrase and how a key is made from it. */
export type KeyForm = "hex" | "binary" | "pbkdf2" | "sha512";

/** 16 bytes for `aes-128-cbc` (also called `aes-cbc`), 32 for `aes-256-cbc`. */
export type KeySize = 16 | 32;

/** A key file whose content is no key; the message repeats none of it. */
export class KeyError extends Error {
  override readonly name = "KeyError";
  readonly code = "KEY_FORMAT";
}

/** The state or migration key that the content of a file stands for. A passphrase is the whole content, a newline at its end included. */
export function stateKey(content: Bytes, form: KeyForm, size: KeySize, crypto: CryptoProvider): Bytes {
  switch (form) {
    case "hex":
      return keyFromHex(content, size);
    case "binary":
      // A shorter key than the mode has is used as it is: swtpm goes by the key then.
      if (content.length === 16 || content.length === size) return plainBytes(content).slice();
      throw new KeyError(
        `a binary key has 16 or 32 bytes and at most the ${size} of the mode, found ${content.length}`,
      );
    case "pbkdf2":
      return pbkdf2Sha512(content, SALT, ITERATIONS, size);
    case "sha512":
      return crypto.hash("SHA512", content).slice(0, size);
  }
}

/** Exactly the digits of a key, perhaps behind `0x`; after white space anything may follow. */
function keyFromHex(content: Bytes, size: KeySize): Bytes {
  const text = Array.from(content.subarray(0, 2 * size + 3), (byte) => String.fromCharCode(byte)).join("");
  const digits = /^(?:0x)?([0-9a-fA-F]*)(?:\s|$)/.exec(text)?.[1];
  if (digits?.length === 2 * size) return fromHex(digits);
  throw new KeyError(`a hex key for this mode is ${2 * size} hex digits, perhaps behind 0x, and nothing else`);
}
