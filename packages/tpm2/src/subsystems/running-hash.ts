import type { CryptoProvider, HashName } from "@vtpm/crypto";
import type { Bytes } from "@vtpm/wire";
import type { HASH_STATE } from "../state/object.ts";
import { hashNameOf } from "./hash-algorithms.ts";

/** Begins a hash computation that can be kept in the state. */
export function startHash(crypto: CryptoProvider, hashAlg: number): HASH_STATE {
  return { ...crypto.hashStart(hashNameOf(hashAlg)), hashAlg };
}

/** The computation after more data. */
export function updateHash(crypto: CryptoProvider, state: HASH_STATE, data: Bytes): HASH_STATE {
  return { ...crypto.hashUpdate(forProvider(state), data), hashAlg: state.hashAlg };
}

/** The digest of everything hashed. */
export const finishHash = (crypto: CryptoProvider, state: HASH_STATE): Bytes => crypto.hashFinish(forProvider(state));

function forProvider(state: HASH_STATE): Omit<HASH_STATE, "hashAlg"> & { readonly hashAlg: HashName } {
  return { ...state, hashAlg: hashNameOf(state.hashAlg) };
}
