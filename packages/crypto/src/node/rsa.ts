import {
  constants,
  createPrivateKey,
  createPublicKey,
  type KeyObject,
  privateDecrypt,
  publicEncrypt,
} from "node:crypto";
import { equalBytes } from "@vtpm/wire";
import { bigIntToBytes, bitLength, byteLength, bytesToBigInt, modPow } from "../big-integer.ts";
import type { Bytes, RsaPrivateKey } from "../provider.ts";
import { RecentKeys } from "../recent-keys.ts";
import { assertRsaBlock } from "../rsa/block.ts";
import { privateKeyParts } from "../rsa/private-key-parts.ts";
import { derIntegers } from "./der.ts";
import { ownBytes } from "./own-bytes.ts";

const { RSA_NO_PADDING } = constants;
/** A fleet of TPMs shares one provider. */
const REMEMBERED_KEYS = 256;
/** OpenSSL takes exponents as long as the modulus up to this many bits only. */
const MAX_LONG_EXPONENT_BITS = 3072;
/** Below this BigInt is faster than making a key. */
const MIN_NATIVE_BITS = 256;

/** `block^exponent mod modulus`; what a guest calls a public key may be any two numbers. */
export function rsaPublic(modulus: Bytes, exponent: number, block: Bytes): Bytes {
  assertRsaBlock(modulus, block);
  const isOdd = ((modulus.at(-1) ?? 0) & 1) === 1;
  if (isOdd && modulus[0] !== 0 && modulus.length >= MIN_NATIVE_BITS / 8) {
    return publicOperation(publicKeyOf(modulus, exponent), leftPadded(block, modulus.length));
  }
  // OpenSSL refuses these.
  return bigIntToBytes(modPow(bytesToBigInt(block), BigInt(exponent), bytesToBigInt(modulus)), modulus.length);
}

/** `base^exponent mod modulus`, which OpenSSL calls RSA with an uncommon public exponent: five times faster than BigInt at 1024 bits. */
export function nativeModPow(base: bigint, exponent: bigint, modulus: bigint): bigint {
  const bits = bitLength(modulus);
  const isNative = bits >= MIN_NATIVE_BITS && bits <= MAX_LONG_EXPONENT_BITS && (modulus & 1n) === 1n;
  if (!isNative || exponent === 0n || exponent >= modulus) {
    return modPow(base, exponent, modulus);
  }
  const size = byteLength(modulus);
  const reduced = base < modulus ? base : base % modulus;
  const key = importPublicKey(bigIntToBytes(modulus, size), bigIntToBytes(exponent, size));
  return bytesToBigInt(publicOperation(key, bigIntToBytes(reduced, size)));
}

/** A key of OpenSSL; trusted once a result has been checked. */
interface NativeKey {
  readonly keyObject: KeyObject;
  isTrusted: boolean;
}

/** RSA private operations by OpenSSL, which blinds them and works in constant time. */
export class NodeRsa {
  readonly #recent = new RecentKeys<NativeKey>(REMEMBERED_KEYS);

  rsaPrivate(key: RsaPrivateKey, block: Bytes): Bytes {
    const { modulus, exponent } = key;
    assertRsaBlock(modulus, block);
    const native = this.#recent.get(key, () => ({ keyObject: importPrivateKey(key), isTrusted: false }));
    const padded = leftPadded(block, modulus.length);
    const result = privateOperation(native.keyObject, padded);
    if (!native.isTrusted) {
      // With factors that are no primes OpenSSL answers something else every time, for it blinds; nobody may depend on that.
      if (!equalBytes(rsaPublic(modulus, exponent, result), padded))
        throw new RangeError("no RSA key: factors are no primes");
      native.isTrusted = true;
    }
    return result;
  }
}

function privateOperation(key: KeyObject, block: Bytes): Bytes {
  try {
    return ownBytes(privateDecrypt({ key, padding: RSA_NO_PADDING }, block));
  } catch (cause) {
    throw new RangeError("OpenSSL cannot use this RSA key", { cause });
  }
}

/** By DER, though a JWK is read 0.1 ms faster: it would put the primes into strings, which nothing can wipe. */
function importPrivateKey(key: RsaPrivateKey): KeyObject {
  const { n, e, d, p, q, dp, dq, qInv } = privateKeyParts(key);
  const numbers = [n, e, d, p, q, dp, dq, qInv].map((number) => bigIntToBytes(number, key.modulus.length));
  const der = derIntegers(Uint8Array.of(0), ...numbers);
  try {
    return createPrivateKey({ key: der, format: "der", type: "pkcs1" });
  } catch (cause) {
    throw new RangeError("OpenSSL cannot use this RSA key", { cause });
  } finally {
    for (const number of numbers) number.fill(0);
    der.fill(0);
  }
}

/** Keys that were used once are likely to be used again: a loaded key's modulus stays the same array. */
const publicKeys = new WeakMap<Bytes, { readonly exponent: number; readonly keyObject: KeyObject }>();

function publicKeyOf(modulus: Bytes, exponent: number): KeyObject {
  const known = publicKeys.get(modulus);
  if (known?.exponent === exponent) return known.keyObject;
  const keyObject = importPublicKey(modulus, bigIntToBytes(BigInt(exponent), 6));
  publicKeys.set(modulus, { exponent, keyObject });
  return keyObject;
}

function importPublicKey(modulus: Bytes, exponent: Bytes): KeyObject {
  return createPublicKey({ key: derIntegers(modulus, exponent), format: "der", type: "pkcs1" });
}

function publicOperation(key: KeyObject, block: Bytes): Bytes {
  return ownBytes(publicEncrypt({ key, padding: RSA_NO_PADDING }, block));
}

function leftPadded(bytes: Bytes, size: number): Bytes {
  if (bytes.length === size) return bytes;
  const result = new Uint8Array(size);
  result.set(bytes, size - bytes.length);
  return result;
}
