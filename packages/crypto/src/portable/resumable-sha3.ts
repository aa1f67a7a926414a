import { keccakP } from "@noble/hashes/sha3.js";
import { digestSize, hashBlockSize } from "../hash-sizes.ts";
import type { Bytes, HashName, HashState } from "../provider.ts";

/** Bytes of the sponge. */
export const SPONGE_SIZE = 200;
/** What ends a message of SHA-3, as opposed to the other uses of the sponge. */
const SUFFIX = 0x06;

/**
 * SHA-3 whose state goes in and out as plain data. Noble keeps the sponge private, so only its permutation is used.
 *
 * @spec FIPS 202, "Sponge Construction"
 */
export class ResumableSha3 {
  readonly #digestSize: number;
  readonly #block: Uint8Array;
  #sponge: Uint8Array = new Uint8Array(SPONGE_SIZE);
  #pending = 0;
  #length = 0;

  constructor(hashAlg: HashName) {
    this.#digestSize = digestSize(hashAlg);
    this.#block = new Uint8Array(hashBlockSize(hashAlg));
  }

  update(data: Bytes): void {
    const size = this.#block.length;
    for (let offset = 0; offset < data.length; ) {
      const part = data.subarray(offset, offset + size - this.#pending);
      this.#block.set(part, this.#pending);
      this.#pending += part.length;
      offset += part.length;
      if (this.#pending === size) {
        this.#absorb();
        this.#pending = 0;
      }
    }
    this.#length += data.length;
  }

  digest(): Bytes {
    this.#block.fill(0, this.#pending);
    this.#block[this.#pending] = SUFFIX;
    const last = this.#block.length - 1;
    this.#block[last] = (this.#block[last] as number) | 0x80;
    this.#absorb();
    return this.#sponge.slice(0, this.#digestSize);
  }

  save(hashAlg: HashName): HashState {
    const pending = this.#block.slice(0, this.#pending);
    return { hashAlg, chaining: this.#sponge.slice(), length: BigInt(this.#length), pending };
  }

  load(state: HashState): void {
    this.#sponge = state.chaining.slice();
    this.#length = Number(state.length);
    this.#pending = state.pending.length;
    this.#block.set(state.pending);
  }

  #absorb(): void {
    this.#block.forEach((byte, i) => {
      this.#sponge[i] = (this.#sponge[i] as number) ^ byte;
    });
    // The permutation works on 32-bit halves of little-endian lanes, whatever the machine's order is.
    const view = new DataView(this.#sponge.buffer);
    const words = Uint32Array.from({ length: SPONGE_SIZE / 4 }, (_, i) => view.getUint32(4 * i, true));
    keccakP(words);
    words.forEach((word, i) => {
      view.setUint32(4 * i, word, true);
    });
  }
}
