import { bigIntToBytes, bytesToBigInt, privateKeyParts } from "@vtpm/crypto";
import { type Codec, converted, settled, type TypeOf } from "@vtpm/wire";
import type { TPMT_SENSITIVE } from "../spec/structures/index.ts";
import { type RsaKeyAreas, rsaPrivateKeyOf } from "../subsystems/keys/rsa-key.ts";

const WORD_SIZE = 8;
const WORD = 2n ** 64n;
/** Words of the largest prime there can be, that of RSA-4096. */
const MAX_WORDS = 32;

/** A number in 64-bit words, the least significant word first but each with its high byte first; zero has no words. */
const WORDS: Codec<bigint> = {
  name: "words",
  shape: { kind: "foreign" },
  read(reader) {
    const start = reader.offset;
    const size = reader.uint16();
    if (size % WORD_SIZE !== 0 || size > MAX_WORDS * WORD_SIZE) {
      throw reader.refuse(
        "SIZE",
        `a number of ${size} bytes, expected up to ${MAX_WORDS} words of ${WORD_SIZE}`,
        start,
      );
    }
    let value = 0n;
    let last = 1n;
    for (let i = 0n; i < size / WORD_SIZE; i++) {
      last = reader.uint64();
      value += last * WORD ** i;
    }
    if (last === 0n) throw reader.refuse("VALUE", "the highest word of a number is not zero", start);
    return value;
  },
  write(writer, value) {
    const words: bigint[] = [];
    for (let rest = value; rest > 0n; rest /= WORD) words.push(BigInt.asUintN(64, rest));
    writer.uint16(WORD_SIZE * words.length);
    for (const word of words) writer.uint64(word);
  },
  text: (value) => `0x${value.toString(16)}`,
};

const HEADED = settled("number", { magic: 0x2fe736ab }, { value: WORDS });

const NUMBER = converted(
  HEADED,
  ({ value }) => value,
  (value) => ({ value }),
);

/** What libtpms keeps of an RSA key beside the prime in its sensitive area. */
export const PRIVATE_EXPONENT = settled(
  "private exponent",
  { magic: 0x0854eab2 },
  { Q: NUMBER, dP: NUMBER, dQ: NUMBER, qInv: NUMBER },
);
export type PRIVATE_EXPONENT = TypeOf<typeof PRIVATE_EXPONENT>;

/** What other objects than RSA keys have in its place, and RSA keys that libtpms has not used yet. */
export const NO_EXPONENT: PRIVATE_EXPONENT = {
  Q: 0n,
  dP: 0n,
  dQ: 0n,
  qInv: 0n,
};

/** Whether all the numbers are there, which libtpms works out when it uses a key first. */
export const isWorkedOut = (exponent: PRIVATE_EXPONENT): boolean =>
  Object.values(exponent).some((number) => number !== 0n);

const known = new WeakMap<TPMT_SENSITIVE, PRIVATE_EXPONENT>();

/**
 * Works the numbers out, once for a key: `undefined` if the key is none. `Q` is the prime that is not in the sensitive area; the
 * others belong to the larger prime as P and the smaller one as Q, whichever of them that is.
 */
export function exponentOf(key: RsaKeyAreas): PRIVATE_EXPONENT | undefined {
  const { sensitive } = key;
  const before = sensitive === undefined ? undefined : known.get(sensitive);
  if (before !== undefined) return before;
  try {
    const parts = rsaPrivateKeyOf(key);
    const own = privateKeyParts(parts);
    const sorted = own.p > own.q ? own : privateKeyParts({ ...parts, prime: bigIntToBytes(own.q, parts.prime.length) });
    const exponent = { Q: own.q, dP: sorted.dp, dQ: sorted.dq, qInv: sorted.qInv };
    if (sensitive !== undefined) known.set(sensitive, exponent);
    return exponent;
  } catch (error) {
    if (error instanceof RangeError) return undefined; // the prime is no factor, or the exponent has no inverse
    throw error;
  }
}

/** Whether the numbers are those of the key; then they need not be worked out. Multiplying is faster than that. */
export function belongsTo(exponent: PRIVATE_EXPONENT, key: RsaKeyAreas): boolean {
  const { modulus, exponent: publicExponent, prime } = rsaPrivateKeyOf(key);
  const [n, e, own, other] = [bytesToBigInt(modulus), BigInt(publicExponent), bytesToBigInt(prime), exponent.Q];
  const [p, q] = own > other ? [own, other] : [other, own];
  const isInverse = (value: bigint, inverse: bigint, of: bigint): boolean =>
    inverse > 0n && inverse < of && (value * inverse) % of === 1n;
  if (q <= 1n || own * other !== n) return false;
  const { dP, dQ, qInv } = exponent;
  if (!isInverse(e, dP, p - 1n) || !isInverse(e, dQ, q - 1n) || !isInverse(q, qInv, p)) return false;
  if (key.sensitive !== undefined) known.set(key.sensitive, exponent);
  return true;
}
