import type { Bytes } from "../provider.ts";

/** What encrypting and verifying need of an RSA key. */
export interface RsaPublicKey {
  /** Modulus, big-endian, without leading zeros. */
  readonly modulus: Bytes;
  readonly exponent: number;
}
