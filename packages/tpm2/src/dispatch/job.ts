import { type CryptoProvider, Drbg, type DrbgState, generateRsaKey, type SeedLevel } from "@vtpm/crypto";
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
  readonly level: SeedLevel;
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

/** Does a job; in whichever thread, it finds the same key. */
export function runJob(crypto: CryptoProvider, job: Job): JobResult {
  const generator = Drbg.fromState(crypto, job.generator);
  const { keyBits: bits, exponent, level, sign } = job;
  const { modulus, prime } = generateRsaKey(crypto, generator, { bits, exponent, level, sign });
  return { modulus, prime, generator: generator.exportState() };
}
