import { type CryptoProvider, Drbg, type DrbgState, generateRsaKey } from "@vtpm/crypto";
import type { Bytes } from "@vtpm/wire";

/**
 * Long work that needs nothing of the TPM: the search for the primes of an RSA key. Plain data, so that a host can send it
 * to another thread.
 */
export interface Job {
  readonly kind: "rsaKey";
  readonly generator: DrbgState;
  readonly keyBits: number;
  readonly exponent: number;
  /** The compatibility level of the seed: how candidates are formed. */
  readonly level: number;
  /** Whether the key signs: then one more draw is made. */
  readonly sign: boolean;
}

/** What a job found, and the generator behind its last draw. */
export interface JobResult {
  readonly modulus: Bytes;
  /** The prime a TPM keeps in the sensitive area. */
  readonly prime: Bytes;
  readonly generator: DrbgState;
}
