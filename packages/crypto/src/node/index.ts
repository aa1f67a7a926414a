import { checkPrimeSync } from "node:crypto";
import { hashFinish, hashStart, hashUpdate } from "../portable/resumable-hash.ts";
import { ShortWeierstrass } from "../portable/short-weierstrass.ts";
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
import { nodeAesEncryptor, nodeCipher } from "./cipher.ts";
import { nodeHash, nodeHmac } from "./hash.ts";
import { NativeCurve } from "./native-curve.ts";
import { NodeRsa, nativeModPow, rsaPublic } from "./rsa.ts";

export { createNodeEntropy } from "./entropy.ts";

/** A provider on `node:crypto`; what OpenSSL lacks (sometimes Camellia or TDES, hash states at rest) is the portable code. */
export function createNodeProvider(): CryptoProvider {
  return new NodeProvider();
}

class NodeProvider implements CryptoProvider {
  readonly name = "node";
  readonly #rsa = new NodeRsa();
  readonly #curves = new Map<CurveName, NativeCurve | ShortWeierstrass>();

  hash(hashAlg: HashName, ...data: Bytes[]): Bytes {
    return nodeHash(hashAlg, data);
  }

  hmac(hashAlg: HashName, key: Bytes, ...data: Bytes[]): Bytes {
    return nodeHmac(hashAlg, key, data);
  }

  readonly hashStart = hashStart;
  readonly hashUpdate = hashUpdate;
  readonly hashFinish = hashFinish;

  readonly aesEncryptor = nodeAesEncryptor;

  encrypt(cipher: CipherName, mode: CipherMode, key: Bytes, iv: Bytes, data: Bytes): CipherResult {
    return nodeCipher(cipher, mode, "encrypt", key, iv, data);
  }

  decrypt(cipher: CipherName, mode: CipherMode, key: Bytes, iv: Bytes, data: Bytes): CipherResult {
    return nodeCipher(cipher, mode, "decrypt", key, iv, data);
  }

  readonly rsaPublic = rsaPublic;

  rsaPrivate(key: RsaPrivateKey, block: Bytes): Bytes {
    return this.#rsa.rsaPrivate(key, block);
  }

  readonly modPow = nativeModPow;

  isPrime(candidate: bigint): boolean {
    // OpenSSL does at least 64 rounds with bases of its own entropy: the answer is the same every time nonetheless.
    return candidate >= 2n && checkPrimeSync(candidate);
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

  #curve(name: CurveName): NativeCurve | ShortWeierstrass {
    let curve = this.#curves.get(name);
    if (curve === undefined) {
      curve = NativeCurve.create(name) ?? new ShortWeierstrass(name);
      this.#curves.set(name, curve);
    }
    return curve;
  }
}
