import { createECDH, type ECDH } from "node:crypto";
import { bigIntToBytes, bytesToBigInt, mod, modInverse } from "../big-integer.ts";
import { CURVES, type Curve } from "../ecc/curves.ts";
import type { Bytes, CurveName, Point } from "../provider.ts";
import { decodePoint, encodePoint, type NativeProducts } from "./native-products.ts";

/** Curves under the names OpenSSL has for them. */
const OPENSSL_NAME: Readonly<Partial<Record<CurveName, string>>> = {
  NIST_P192: "prime192v1",
  NIST_P224: "secp224r1",
  NIST_P256: "prime256v1",
  NIST_P384: "secp384r1",
  NIST_P521: "secp521r1",
  SM2_P256: "SM2",
};

/**
 * Products by an ECDH object: it multiplies the generator (its public key) and gives the x coordinate of any other product (the shared
 * secret), for which OpenSSL checks the private key with two more multiplications every time. The object is reused, being dearer than
 * a product of the generator; it keeps the last scalar until the next.
 */
export class EcdhProducts implements NativeProducts {
  readonly #curve: Curve;
  readonly #ecdh: ECDH;
  /** The point multiplied last and `1 / 2y` of it: keys come in runs. */
  #last: { readonly x: bigint; readonly y: bigint; readonly inverse: bigint } | undefined;

  private constructor(curve: Curve, ecdh: ECDH) {
    this.#curve = curve;
    this.#ecdh = ecdh;
  }

  /** `undefined` if this build of OpenSSL does not have the curve. */
  static create(name: CurveName): EcdhProducts | undefined {
    const opensslName = OPENSSL_NAME[name];
    if (opensslName === undefined) return undefined;
    try {
      return new EcdhProducts(CURVES[name], createECDH(opensslName));
    } catch {
      // Distributions may leave curves out.
      return undefined;
    }
  }

  ofGenerator(k: bigint): Point {
    this.#ecdh.setPrivateKey(this.#scalarBytes(k));
    return decodePoint(this.#curve, this.#ecdh.getPublicKey());
  }

  /** @spec Brier and Joye, "Weierstrass Elliptic Curves and Side-Channel Attacks": y of kQ from x of kQ and of (k + 1)Q */
  ofPoint(point: Point, k: bigint): Point {
    const { p, a, b, n } = this.#curve;
    // The one scalar whose successor gives no point.
    if (k === n - 1n) return { x: point.x, y: p - point.y };
    const encoded = encodePoint(this.#curve, point);
    const x = this.#productX(encoded, k);
    const next = this.#productX(encoded, k + 1n);
    const difference = point.x - x;
    const twiceY = 2n * b + (a + point.x * x) * (point.x + x) - next * ((difference * difference) % p);
    return { x, y: mod(twiceY * this.#halfInverse(point), p) };
  }

  xOfPoint(point: Point, k: bigint): bigint {
    return this.#productX(encodePoint(this.#curve, point), k);
  }

  #productX(encoded: Bytes, k: bigint): bigint {
    this.#ecdh.setPrivateKey(this.#scalarBytes(k));
    const secret = this.#ecdh.computeSecret(encoded);
    const x = bytesToBigInt(secret);
    secret.fill(0);
    return x;
  }

  #scalarBytes(k: bigint): Bytes {
    return bigIntToBytes(k, this.#curve.orderSize);
  }

  #halfInverse({ x, y }: Point): bigint {
    if (this.#last?.x !== x || this.#last.y !== y) {
      this.#last = { x, y, inverse: modInverse(2n * y, this.#curve.p) };
    }
    return this.#last.inverse;
  }
}
