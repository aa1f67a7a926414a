import { type Bytes, toHex } from "@vtpm/wire";
import { expect, test } from "vitest";
import { TPM_ALG } from "../spec/constants.ts";
import { SLOT } from "../state/object.ts";
import { flush } from "../testing/create-key.ts";
import { child, loaded, primary, RSA_SIGNING } from "../testing/templates.ts";
import { TestPlatform } from "../testing/test-platform.ts";
import { TestTpm } from "../testing/test-tpm.ts";

const KEYS = 24;
const PRIME_BITS = 1024;
const numberOf = (bytes: Bytes): bigint => BigInt(`0x${toHex(bytes)}`);

/** Modulus, and the prime that the TPM keeps, of a new key that depends on the entropy only. */
function newKey(tpm: TestTpm, parent: number): readonly [bigint, bigint] {
  const handle = loaded(tpm, parent, child(tpm, parent, RSA_SIGNING));
  const object = tpm.tpm.state.ram.objects.get(handle);
  flush(tpm, handle);
  if (object?.kind !== SLOT.KEY || object.publicArea.type !== TPM_ALG.RSA || object.sensitive === undefined) {
    throw new Error("no RSA key");
  }
  return [numberOf(object.publicArea.unique), numberOf(object.sensitive.sensitive)];
}

test(`${KEYS} RSA keys have primes of full entropy, far apart and none twice`, () => {
  const tpm = TestTpm.started({ platform: new TestPlatform("RSA keys in number") });
  const { objectHandle } = primary(tpm);
  const primes: bigint[] = [];
  for (let i = 0; i < KEYS; i++) {
    const [modulus, prime] = newKey(tpm, objectHandle);
    const other = modulus / prime;
    expect(other * prime).toBe(modulus);
    expect(modulus.toString(2)).toHaveLength(2 * PRIME_BITS);
    const distance = other > prime ? other - prime : prime - other;
    // Two primes drawn freely share their upper 64 bits with a chance of one in 2^60 or so.
    expect(distance.toString(2).length).toBeGreaterThan(PRIME_BITS - 64);
    primes.push(prime, other);
  }
  expect(new Set(primes).size).toBe(2 * KEYS);
  // By chance one bit besides the first and the last would be the same in all primes in one of 2^38 runs.
  const digits = primes.map((prime) => prime.toString(2));
  const fixed = Array.from({ length: PRIME_BITS }, (_, bit) => bit).filter((bit) =>
    digits.every((each) => each.length === PRIME_BITS && each[bit] === digits[0]?.[bit]),
  );
  expect(fixed).toEqual([0, PRIME_BITS - 1]);
});
