import { concatBytes } from "@vtpm/wire";
import { bigIntToBytes } from "./big-integer.ts";
import { type KdfLabel, labelBytes } from "./kdf-label.ts";
import type { Bytes, CryptoProvider, HashName } from "./provider.ts";

/** The inputs of KDFe. */
export interface KdfeInput {
  readonly hashAlg: HashName;
  /** x coordinate of the shared point, padded to the size of the field. */
  readonly Z: Bytes;
  readonly label: KdfLabel;
  readonly partyUInfo: Bytes;
  readonly partyVInfo: Bytes;
  /** Size of the output in bits. */
  readonly bits: number;
}

/**
 * Key derivation from a shared secret by a hash in counter mode: `ceil(bits / 8)` bytes, of the first of which bits in excess are cleared.
 *
 * @spec Part 1, "KDFe for ECDH"
 */
export function KDFe(provider: CryptoProvider, input: KdfeInput): Bytes {
  const { hashAlg, Z, partyUInfo, partyVInfo, bits } = input;
  const label = labelBytes(input.label);
  const size = Math.ceil(bits / 8);
  const blocks: Bytes[] = [];
  for (let counter = 1n, filled = 0; filled < size; counter++) {
    const block = provider.hash(hashAlg, bigIntToBytes(counter, 4), Z, label, partyUInfo, partyVInfo);
    blocks.push(block);
    filled += block.length;
  }
  const key = concatBytes(...blocks).slice(0, size);
  if (bits % 8 !== 0) key[0] = (key[0] as number) & (0xff >>> (8 - (bits % 8)));
  return key;
}
