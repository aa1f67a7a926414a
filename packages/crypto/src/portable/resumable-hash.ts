import { _SHA1 } from "@noble/hashes/legacy.js";
import { _SHA256, _SHA384, _SHA512 } from "@noble/hashes/sha2.js";
import { hashBlockSize } from "../hash-sizes.ts";
import type { Bytes, HashName, HashState } from "../provider.ts";
import { ResumableSha3, SPONGE_SIZE } from "./resumable-sha3.ts";

/** What saved hashes need, and the subclasses below add to noble's hashes: their state goes in and out as plain data. */
interface Resumable {
  update(data: Bytes): unknown;
  digest(): Bytes;
  save(hashAlg: HashName): HashState;
  load(state: HashState): void;
}

/*
 * Neither noble nor OpenSSL hands out the chaining value, which a saved TPM state needs. Noble keeps it in protected members; the four
 * subclasses differ in nothing but the class they extend, since `get` and `set` must stay known to the compiler per class.
 */

class ResumableSha1 extends _SHA1 implements Resumable {
  save(hashAlg: HashName): HashState {
    return stateOf(hashAlg, this.get(), this.length, this.buffer.slice(0, this.pos));
  }
  load(state: HashState): void {
    const [a, b, c, d, e] = wordsOf(state.chaining) as [number, number, number, number, number];
    this.set(a, b, c, d, e);
    this.length = Number(state.length);
    this.pos = state.pending.length;
    this.buffer.set(state.pending);
  }
}

class ResumableSha256 extends _SHA256 implements Resumable {
  save(hashAlg: HashName): HashState {
    return stateOf(hashAlg, this.get(), this.length, this.buffer.slice(0, this.pos));
  }
  load(state: HashState): void {
    this.set(...(wordsOf(state.chaining) as Words8));
    this.length = Number(state.length);
    this.pos = state.pending.length;
    this.buffer.set(state.pending);
  }
}

class ResumableSha384 extends _SHA384 implements Resumable {
  save(hashAlg: HashName): HashState {
    return stateOf(hashAlg, this.get(), this.length, this.buffer.slice(0, this.pos));
  }
  load(state: HashState): void {
    this.set(...(wordsOf(state.chaining) as Words16));
    this.length = Number(state.length);
    this.pos = state.pending.length;
    this.buffer.set(state.pending);
  }
}

class ResumableSha512 extends _SHA512 implements Resumable {
  save(hashAlg: HashName): HashState {
    return stateOf(hashAlg, this.get(), this.length, this.buffer.slice(0, this.pos));
  }
  load(state: HashState): void {
    this.set(...(wordsOf(state.chaining) as Words16));
    this.length = Number(state.length);
    this.pos = state.pending.length;
    this.buffer.set(state.pending);
  }
}

type Words8 = [number, number, number, number, number, number, number, number];
type Words16 = [...Words8, ...Words8];

const CHAINING_SIZE: Readonly<Record<HashName, number>> = {
  SHA1: 20,
  SHA256: 32,
  SHA384: 64,
  SHA512: 64,
  SHA3_256: SPONGE_SIZE,
  SHA3_384: SPONGE_SIZE,
  SHA3_512: SPONGE_SIZE,
};

/** Starts a hash computation that can be saved at any time. */
export function hashStart(hashAlg: HashName): HashState {
  return create(hashAlg).save(hashAlg);
}

/**
 * Absorbs data; the state given stays as it is and can be continued again.
 *
 * @throws RangeError if the state does not fit together
 */
export function hashUpdate(state: HashState, data: Bytes): HashState {
  const hash = resume(state);
  hash.update(data);
  return hash.save(state.hashAlg);
}

/**
 * The digest of everything absorbed; the state given stays as it is.
 *
 * @throws RangeError if the state does not fit together
 */
export function hashFinish(state: HashState): Bytes {
  return resume(state).digest();
}

function create(hashAlg: HashName): Resumable {
  switch (hashAlg) {
    case "SHA1":
      return new ResumableSha1();
    case "SHA256":
      return new ResumableSha256();
    case "SHA384":
      return new ResumableSha384();
    case "SHA512":
      return new ResumableSha512();
    case "SHA3_256":
    case "SHA3_384":
    case "SHA3_512":
      return new ResumableSha3(hashAlg);
  }
}

function resume(state: HashState): Resumable {
  const { hashAlg, chaining, length, pending } = state;
  if (chaining.length !== CHAINING_SIZE[hashAlg]) {
    throw new RangeError(`${hashAlg} chains ${CHAINING_SIZE[hashAlg]} bytes, found ${chaining.length}`);
  }
  // 2^50 bytes take years to hash; noble counts in a number, whose bit count must stay exact.
  if (length < 0n || length >= 1n << 50n || BigInt(pending.length) !== length % BigInt(hashBlockSize(hashAlg))) {
    throw new RangeError(`${pending.length} pending bytes do not fit a ${hashAlg} of ${length} bytes`);
  }
  const hash = create(hashAlg);
  hash.load(state);
  return hash;
}

function wordsOf(chaining: Bytes): number[] {
  const view = new DataView(chaining.buffer, chaining.byteOffset, chaining.byteLength);
  const words: number[] = [];
  for (let i = 0; i < chaining.length; i += 4) words.push(view.getUint32(i));
  return words;
}

function stateOf(hashAlg: HashName, words: readonly number[], length: number, pending: Bytes): HashState {
  const chaining = new Uint8Array(4 * words.length);
  const view = new DataView(chaining.buffer);
  words.forEach((word, i) => {
    view.setUint32(4 * i, word);
  });
  return { hashAlg, chaining, length: BigInt(length), pending };
}
