import { concatBytes } from "@vtpm/wire";
import { type KdfLabel, labelBytes } from "./kdf-label.ts";
import type { Bytes, CryptoProvider, HashName, RandomSource } from "./provider.ts";

/** The inputs of KDFa. */
export interface KdfaInput {
  readonly hashAlg: HashName;
  readonly key: Bytes;
  readonly label: KdfLabel;
  readonly contextU: Bytes;
  readonly contextV: Bytes;
  /** Size of the whole output in bits, which enters every block. */
  readonly bits: number;
}

/**
 * Key derivation by HMAC in counter mode: `ceil(bits / 8)` bytes. Bits in excess of `bits` are not cleared, as in libtpms.
 *
 * @param firstCounter number of the first block; all uses of the specification begin with 1
 * @spec Part 1, "KDFa()"
 */
export function KDFa(provider: CryptoProvider, input: KdfaInput, firstCounter = 1): Bytes {
  return createKdfaStream(provider, input, firstCounter).generate(Math.ceil(input.bits / 8));
}

/**
 * The output of KDFa bit by bit: successive requests continue it byte-exactly. Objects derive from such a stream of 8192 bits.
 *
 * @spec Part 1, "Derived Objects" @spec Part 1, "KDFa()"
 * @throws RangeError from `generate`, when more than `bits` are asked for in all
 */
export function createKdfaStream(provider: CryptoProvider, input: KdfaInput, firstCounter = 1): RandomSource {
  const { hashAlg, key, contextU, contextV, bits } = input;
  const field = new Uint8Array(4);
  const seed = concatBytes(field, labelBytes(input.label), contextU, contextV, field);
  const view = new DataView(seed.buffer);
  view.setUint32(seed.length - field.length, bits);
  let left = Math.ceil(bits / 8);
  let next = firstCounter;
  let block: Bytes = new Uint8Array(0);
  return {
    generate(size) {
      if (size > left) throw new RangeError(`${size} bytes asked of a key derivation that has ${left} left`);
      left -= size;
      const out = new Uint8Array(size);
      for (let filled = 0; filled < size; ) {
        if (block.length === 0) {
          view.setUint32(0, next++);
          block = provider.hmac(hashAlg, key, seed);
        }
        const taken = Math.min(block.length, size - filled);
        out.set(block.subarray(0, taken), filled);
        block = block.subarray(taken);
        filled += taken;
      }
      return out;
    },
  };
}
