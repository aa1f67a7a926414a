import { hashBlockSize } from "./hash-sizes.ts";
import type { Bytes, CryptoProvider, HashName, HashState } from "./provider.ts";

/** An HMAC computation at rest: plain data. */
export interface HmacState {
  /** The inner hash, which has absorbed the padded key and the data so far. */
  readonly hash: HashState;
  /** The key, hashed if it was longer than a block, padded with zeros to a block. */
  readonly key: Bytes;
}

/** @spec RFC 2104, "Definition of HMAC" */
export function hmacStart(provider: CryptoProvider, hashAlg: HashName, key: Bytes): HmacState {
  const block = new Uint8Array(hashBlockSize(hashAlg));
  block.set(key.length > block.length ? provider.hash(hashAlg, key) : key);
  return { hash: provider.hashUpdate(provider.hashStart(hashAlg), padded(block, 0x36)), key: block };
}

/** Absorbs data; the state given stays as it is. */
export function hmacUpdate(provider: CryptoProvider, state: HmacState, data: Bytes): HmacState {
  return { ...state, hash: provider.hashUpdate(state.hash, data) };
}

/** The HMAC of everything absorbed; the state given stays as it is. */
export function hmacFinish(provider: CryptoProvider, state: HmacState): Bytes {
  return provider.hash(state.hash.hashAlg, padded(state.key, 0x5c), provider.hashFinish(state.hash));
}

function padded(block: Bytes, pad: number): Bytes {
  return block.map((byte) => byte ^ pad);
}
