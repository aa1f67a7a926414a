import { concatBytes } from "@vtpm/wire";
import { bigIntToBytes, bytesToBigInt, mod, modInverse, modPow } from "../big-integer.ts";
import type { Bytes, RsaPrivateKey } from "../provider.ts";
import { RecentKeys } from "../recent-keys.ts";
import { assertRsaBlock } from "../rsa/block.ts";
import { privateKeyParts, type RsaPrivateKeyParts } from "../rsa/private-key-parts.ts";
import { portableHmac } from "./hash.ts";

const REMEMBERED_KEYS = 32;

/** `block^exponent mod modulus`. */
export function rsaPublic(modulus: Bytes, exponent: number, block: Bytes): Bytes {
  assertRsaBlock(modulus, block);
  const result = modPow(bytesToBigInt(block), BigInt(exponent), bytesToBigInt(modulus));
  return bigIntToBytes(result, modulus.length);
}

/** RSA private operations in BigInt, by the Chinese remainder theorem and blinded. */
export class PortableRsa {
  readonly #recent = new RecentKeys<RsaPrivateKeyParts>(REMEMBERED_KEYS);

  rsaPrivate(key: RsaPrivateKey, block: Bytes): Bytes {
    assertRsaBlock(key.modulus, block);
    const { n, e, p, q, dp, dq, qInv } = this.#recent.get(key, () => privateKeyParts(key));
    const factor = blindingFactor(key, block, n);
    const blinded = (bytesToBigInt(block) * modPow(factor, e, n)) % n;
    const mp = modPow(blinded, dp, p);
    const mq = modPow(blinded, dq, q);
    const result = mq + q * ((mod(mp - mq, p) * qInv) % p);
    // Wrong if the factors are no primes.
    if (modPow(result, e, n) !== blinded) throw new RangeError("no RSA key: factors are no primes");
    return bigIntToBytes((result * modInverse(factor, n)) % n, key.modulus.length);
  }
}

/**
 * A number nobody can know without the prime, so that the time of an exponentiation tells nothing about a block chosen by somebody
 * else. Derived and not drawn: a provider has no entropy.
 */
function blindingFactor(key: RsaPrivateKey, block: Bytes, n: bigint): bigint {
  const parts: Bytes[] = [];
  for (let i = 0, size = 0; size < key.modulus.length; i++, size += 64) {
    parts.push(portableHmac("SHA512", key.prime, [Uint8Array.of(i), block]));
  }
  // Any common factor of such a number and n would have been found by chance: as likely as guessing a prime.
  return (bytesToBigInt(concatBytes(...parts)) % (n - 2n)) + 2n;
}
