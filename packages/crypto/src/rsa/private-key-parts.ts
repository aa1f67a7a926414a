import { bytesToBigInt, modInverse } from "../big-integer.ts";
import type { RsaPrivateKey } from "../provider.ts";

/** All numbers of an RSA private key. @spec RFC 8017, "RSA Private Key" */
export interface RsaPrivateKeyParts {
  readonly n: bigint;
  readonly e: bigint;
  readonly d: bigint;
  readonly p: bigint;
  readonly q: bigint;
  readonly dp: bigint;
  readonly dq: bigint;
  readonly qInv: bigint;
}

/**
 * Derives what a TPM does not store from the modulus and one prime: about a millisecond, so providers remember it.
 *
 * @throws RangeError if the prime does not divide the modulus, or the exponent has no inverse
 */
export function privateKeyParts(key: RsaPrivateKey): RsaPrivateKeyParts {
  const n = bytesToBigInt(key.modulus);
  const e = BigInt(key.exponent);
  const p = bytesToBigInt(key.prime);
  if (p <= 1n || p >= n || n % p !== 0n) throw new RangeError("prime is no proper factor of the modulus");
  const q = n / p;
  const d = modInverse(e, (p - 1n) * (q - 1n));
  return { n, e, d, p, q, dp: d % (p - 1n), dq: d % (q - 1n), qInv: modInverse(q, p) };
}
