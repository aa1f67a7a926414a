import { isKeySize } from "../cipher-sizes.ts";
import type { Bytes, CipherName, RandomSource } from "../provider.ts";
import { generateTdesKey } from "./tdes-key.ts";

/**
 * A key for a block cipher, `size` in bytes.
 *
 * @throws RangeError if the cipher has no such key
 */
export function generateSymmetricKey(cipher: CipherName, size: number, random: RandomSource): Bytes {
  if (cipher === "TDES") return generateTdesKey(size, random);
  if (!isKeySize(cipher, size)) throw new RangeError(`${cipher} has no key of ${size} bytes`);
  return random.generate(size);
}
