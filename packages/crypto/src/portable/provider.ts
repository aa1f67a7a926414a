import { modPow } from "../big-integer.ts";
import { assertCipherSizes } from "../cipher-sizes.ts";
import { isProbablePrime } from "../miller-rabin.ts";
import type {
  Bytes,
  CipherMode,
  CipherName,
  CipherResult,
  CryptoProvider,
  CurveName,
  HashName,
  Point,
  RsaPrivateKey,
} from "../provider.ts";
import { createAes } from "./aes.ts";
import { runMode } from "./cipher-modes.ts";
import { portableHash, portableHmac } from "./hash.ts";
import { createLegacyCipher } from "./legacy-ciphers.ts";
import { hashFinish, hashStart, hashUpdate } from "./resumable-hash.ts";
import { PortableRsa, rsaPublic } from "./rsa.ts";
import { ShortWeierstrass } from "./short-weierstrass.ts";

/** A provider in JavaScript alone: runs wherever the language does, slower than a native one, with the same results. */
export function createPortableProvider(): CryptoProvider {
  return new PortableProvider();
}

class PortableProvider implements CryptoProvider {
  readonly name = "portable";
  readonly #rsa = new PortableRsa();
  readonly #curves = new Map<CurveName, ShortWeierstrass>();

  hash(hashAlg: HashName, ...data: Bytes[]): Bytes {
    return portableHash(hashAlg, data);
  }

  hmac(hashAlg: HashName, key: Bytes, ...data: Bytes[]): Bytes {
    return portableHmac(hashAlg, key, data);
  }

  readonly hashStart = hashStart;
  readonly hashUpdate = hashUpdate;
  readonly hashFinish = hashFinish;

  encrypt(cipher: CipherName, mode: CipherMode, key: Bytes, iv: Bytes, data: Bytes): CipherResult {
    assertCipherSizes(cipher, mode, key.length, iv.length, data.length);
    return runMode(createBlockCipher(cipher, key), mode, "encrypt", iv, data);
  }

  decrypt(cipher: CipherName, mode: CipherMode, key: Bytes, iv: Bytes, data: Bytes): CipherResult {
    assertCipherSizes(cipher, mode, key.length, iv.length, data.length);
    return runMode(createBlockCipher(cipher, key), mode, "decrypt", iv, data);
  }

  readonly rsaPublic = rsaPublic;

  rsaPrivate(key: RsaPrivateKey, block: Bytes): Bytes {
    return this.#rsa.rsaPrivate(key, block);
  }

  readonly modPow = modPow;

  isPrime(candidate: bigint): boolean {
    return isProbablePrime(this, candidate);
  }

  multiplyBase(curve: CurveName, scalar: bigint): Point | undefined {
    return this.#curve(curve).multiplyBase(scalar);
  }

  multiply(curve: CurveName, point: Point, scalar: bigint): Point | undefined {
    return this.#curve(curve).multiply(point, scalar);
  }

  multiplyX(curve: CurveName, point: Point, scalar: bigint): bigint | undefined {
    return this.#curve(curve).multiplyX(point, scalar);
  }

  multiplyAdd(curve: CurveName, a: bigint, point: Point, b: bigint): Point | undefined {
    return this.#curve(curve).multiplyAdd(a, point, b);
  }

  multiplyAddX(curve: CurveName, a: bigint, point: Point, b: bigint): bigint | undefined {
    return this.#curve(curve).multiplyAddX(a, point, b);
  }

  #curve(name: CurveName): ShortWeierstrass {
    let curve = this.#curves.get(name);
    if (curve === undefined) {
      curve = new ShortWeierstrass(name);
      this.#curves.set(name, curve);
    }
    return curve;
  }
}

function createBlockCipher(cipher: CipherName, key: Bytes) {
  return cipher === "AES" ? createAes(key) : createLegacyCipher(cipher, key);
}
