import { concatBytes, EMPTY } from "@vtpm/wire";
import type { Bytes, CryptoProvider, RandomSource } from "./provider.ts";

const KEY_SIZE = 32;
const BLOCK_SIZE = 16;
const SEED_SIZE = KEY_SIZE + BLOCK_SIZE;
/** Blocks of a seed, each with a chain of its own. */
const CHAINS = SEED_SIZE / BLOCK_SIZE;
/** 00 01 … 1f, the key of the derivation function. */
const DF_KEY = Uint8Array.from({ length: KEY_SIZE }, (_, i) => i);

/** A generator at rest: plain data, so that it can be saved and handed to another thread. */
export interface DrbgState {
  /** 32 bytes. */
  readonly key: Bytes;
  /** 16 bytes, the counter last used. */
  readonly v: Bytes;
  /** 1 after seeding, plus one for each request since. */
  readonly reseedCounter: bigint;
}

/**
 * The AES-256 CTR_DRBG of libtpms. Primary keys derive from it, so its output is fixed for good, including where its derivation
 * function departs from the standard (see `deriveSeed`).
 *
 * @spec SP800-90A, "CTR_DRBG"
 */
export class Drbg implements RandomSource {
  readonly #provider: CryptoProvider;
  #key: Bytes;
  #v: Bytes;
  #reseedCounter: bigint;

  private constructor(provider: CryptoProvider, state: DrbgState) {
    if (state.key.length !== KEY_SIZE || state.v.length !== BLOCK_SIZE) {
      throw new RangeError(`expected a generator state of ${KEY_SIZE} and ${BLOCK_SIZE} bytes`);
    }
    this.#provider = provider;
    this.#key = state.key.slice();
    this.#v = state.v.slice();
    this.#reseedCounter = state.reseedCounter;
  }

  /** A generator that depends on nothing but the concatenation of all inputs. */
  static instantiateSeeded(provider: CryptoProvider, ...inputs: Bytes[]): Drbg {
    const zero = { key: new Uint8Array(KEY_SIZE), v: new Uint8Array(BLOCK_SIZE), reseedCounter: 1n };
    const drbg = new Drbg(provider, zero);
    drbg.#update(deriveSeed(provider, concatBytes(...inputs)));
    return drbg;
  }

  /** @throws RangeError if the state has the wrong sizes */
  static fromState(provider: CryptoProvider, state: DrbgState): Drbg {
    return new Drbg(provider, state);
  }

  exportState(): DrbgState {
    return { key: this.#key.slice(), v: this.#v.slice(), reseedCounter: this.#reseedCounter };
  }

  /** One request: the same number of bytes in two requests is different output. */
  generate(size: number): Bytes {
    const blocks = Math.ceil(size / BLOCK_SIZE);
    const stream = this.#stream(blocks * BLOCK_SIZE + SEED_SIZE);
    const out = stream.slice(0, size);
    this.#take(stream.subarray(blocks * BLOCK_SIZE));
    this.#reseedCounter++;
    stream.fill(0);
    return out;
  }

  /** Mixes data in; never makes the state weaker. @spec Part 3, "TPM2_StirRandom" */
  additional(data: Bytes): void {
    this.#update(deriveSeed(this.#provider, data));
  }

  /** Mixes fresh entropy in, with other data if there is any. */
  reseed(entropy: Bytes, ...data: Bytes[]): void {
    this.additional(concatBytes(entropy, ...data));
    this.#reseedCounter = 1n;
  }

  /** Next key and counter: the stream, XORed with data. */
  #update(data: Bytes): void {
    const next = this.#stream(SEED_SIZE);
    for (let i = 0; i < SEED_SIZE; i++) next[i] = (next[i] as number) ^ (data[i] as number);
    this.#take(next);
    next.fill(0);
  }

  #take(seed: Bytes): void {
    this.#key.set(seed.subarray(0, KEY_SIZE));
    this.#v.set(seed.subarray(KEY_SIZE));
  }

  /** Encrypted counters from the next one on; whole blocks. */
  #stream(size: number): Bytes {
    const next = this.#v.slice();
    for (let i = BLOCK_SIZE - 1; i >= 0; i--) {
      const byte = ((next[i] as number) + 1) & 0xff;
      next[i] = byte;
      if (byte !== 0) break;
    }
    return this.#provider.encrypt("AES", "CTR", this.#key, next, new Uint8Array(size)).data;
  }
}

/**
 * The derivation function: any number of bytes becomes a seed of 48. Departs from the standard as libtpms does: the three chains of a
 * step build on each other's input, and the header with both sizes replaces part of the first chain instead of being fed as data.
 *
 * @spec SP800-90A, "Derivation Function Using a Block Cipher Algorithm"
 */
export function deriveSeed(provider: CryptoProvider, input: Bytes): Bytes {
  const encryptBlocks =
    provider.aesEncryptor?.(DF_KEY) ??
    ((blocks: Bytes): Bytes => provider.encrypt("AES", "ECB", DF_KEY, EMPTY, blocks).data);
  const chains = new Uint8Array(SEED_SIZE);
  for (let i = 0; i < CHAINS; i++) chains[i * BLOCK_SIZE + 3] = i;
  absorb(new Uint8Array(BLOCK_SIZE));
  const header = new DataView(chains.buffer);
  header.setUint32(0, input.length);
  header.setUint32(4, SEED_SIZE);
  // The header counts as the first four bytes of the data.
  const headerSize = 4;
  const data = new Uint8Array(Math.ceil((headerSize + input.length + 1) / BLOCK_SIZE) * BLOCK_SIZE);
  data.set(input, headerSize);
  data[headerSize + input.length] = 0x80;
  for (let start = 0; start < data.length; start += BLOCK_SIZE) absorb(data.subarray(start, start + BLOCK_SIZE));
  return chains;

  function absorb(block: Bytes): void {
    const sum = new Uint8Array(BLOCK_SIZE);
    for (let i = 0; i < SEED_SIZE; i++) {
      const column = i % BLOCK_SIZE;
      const next = (sum[column] as number) ^ (chains[i] as number) ^ (block[column] as number);
      sum[column] = next;
      chains[i] = next;
    }
    chains.set(encryptBlocks(chains));
  }
}
