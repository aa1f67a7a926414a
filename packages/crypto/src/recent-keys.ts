import { bytesToBigInt } from "./big-integer.ts";
import { equalBytesConstantTime } from "./constant-time.ts";
import type { Bytes, RsaPrivateKey } from "./provider.ts";

/**
 * Remembers what was made of the private keys used last. An entry is found by the public modulus and exponent and then checked against
 * the prime, so that knowing a public key alone never reaches somebody's private one.
 */
export class RecentKeys<T> {
  readonly #limit: number;
  readonly #entries = new Map<string, { readonly prime: Bytes; readonly value: T }>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  get(key: RsaPrivateKey, create: () => T): T {
    // The modulus is public: the only reason why it may become a string here.
    const name = `${key.exponent}:${bytesToBigInt(key.modulus).toString(36)}`;
    const known = this.#entries.get(name);
    if (known !== undefined) {
      this.#entries.delete(name);
      if (equalBytesConstantTime(known.prime, key.prime)) {
        this.#entries.set(name, known);
        return known.value;
      }
    }
    const value = create();
    this.#entries.set(name, { prime: key.prime.slice(), value });
    if (this.#entries.size > this.#limit) {
      const [oldest] = this.#entries.keys();
      if (oldest !== undefined) this.#entries.delete(oldest);
    }
    return value;
  }
}
