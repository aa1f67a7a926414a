import { createECDH, type ECDH } from "node:crypto";
import { bigIntToBytes, bytesToBigInt, mod, modInverse } from "../big-integer.ts";
import { addPoints } from "../ecc/add-points.ts";
import { CURVES, type Curve } from "../ecc/curves.ts";
import type { Bytes, CurveName, Point } from "../provider.ts";

/** Curves under the names OpenSSL has for them. */
const OPENSSL_NAME: Readonly<Partial<Record<CurveName, string>>> = {
  NIST_P192: "prime192v1",
  NIST_P224: "secp224r1",
  NIST_P256: "prime256v1",
  NIST_P384: "secp384r1",
  NIST_P521: "secp521r1",
  SM2_P256: "SM2",
};
const UNCOMPRESSED = 4;

/**
 * Point arithmetic of one curve, made of what Node.js offers: an ECDH object multiplies the generator (its public key) and gives the x
 * coordinate of any other product (the shared secret). The object is reused, being dearer than the multiplication; it keeps the last
 * scalar until the next.
 */
export class NativeCurve {
  readonly #curve: Curve;
  readonly #ecdh: ECDH;
  /** The point multiplied last and `1 / 2y` of it: keys come in runs. */
  #last: { readonly x: bigint; readonly y: bigint; readonly inverse: bigint } | undefined;

  private constructor(curve: Curve, ecdh: ECDH) {
    this.#curve = curve;
    this.#ecdh = ecdh;
  }

  /** `undefined` if this build of OpenSSL does not have the curve. */
  static create(name: CurveName): NativeCurve | undefined {
    const opensslName = OPENSSL_NAME[name];
    if (opensslName === undefined) return undefined;
    try {
      return new NativeCurve(CURVES[name], createECDH(opensslName));
    } catch {
      // Distributions may leave curves out; there is a portable implementation of all.
      return undefined;
    }
  }

  multiplyBase(scalar: bigint): Point | undefined {
    const k = mod(scalar, this.#curve.n);
    if (k === 0n) return undefined;
    this.#ecdh.setPrivateKey(this.#scalarBytes(k));
    const encoded = this.#ecdh.getPublicKey();
    const { fieldSize } = this.#curve;
    return {
      x: bytesToBigInt(encoded.subarray(1, 1 + fieldSize)),
      y: bytesToBigInt(encoded.subarray(1 + fieldSize)),
    };
  }

  multiplyX(point: Point, scalar: bigint): bigint | undefined {
    const k = mod(scalar, this.#curve.n);
    return k === 0n ? undefined : this.#productX(this.#encode(point), k);
  }

  /** @spec Brier and Joye, "Weierstrass Elliptic Curves and Side-Channel Attacks": y of kQ from x of kQ and of (k + 1)Q */
  multiply(point: Point, scalar: bigint): Point | undefined {
    const { p, a, b, n } = this.#curve;
    const k = mod(scalar, n);
    if (k === 0n) return undefined;
    // The one scalar whose successor gives no point.
    if (k === n - 1n) return { x: point.x, y: p - point.y };
    const encoded = this.#encode(point);
    const x = this.#productX(encoded, k);
    const next = this.#productX(encoded, k + 1n);
    const difference = point.x - x;
    const twiceY = 2n * b + (a + point.x * x) * (point.x + x) - next * ((difference * difference) % p);
    return { x, y: mod(twiceY * this.#halfInverse(point), p) };
  }

  multiplyAdd(a: bigint, point: Point, b: bigint): Point | undefined {
    if (mod(b, this.#curve.n) === 0n) return this.multiplyBase(a);
    const joined = this.#joined(a, point, b);
    return joined === undefined ? undefined : this.multiply(joined, b);
  }

  multiplyAddX(a: bigint, point: Point, b: bigint): bigint | undefined {
    if (mod(b, this.#curve.n) === 0n) return this.multiplyBase(a)?.x;
    const joined = this.#joined(a, point, b);
    return joined === undefined ? undefined : this.multiplyX(joined, b);
  }

  /** `a/b * G + point`: b times that is the sum wanted, so one multiplication of a point that is not the generator is enough. */
  #joined(a: bigint, point: Point, b: bigint): Point | undefined {
    const { n } = this.#curve;
    const base = this.multiplyBase(a * modInverse(b, n));
    return base === undefined ? point : addPoints(this.#curve, base, point);
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

  #encode({ x, y }: Point): Bytes {
    const { fieldSize } = this.#curve;
    const encoded = new Uint8Array(1 + 2 * fieldSize);
    encoded[0] = UNCOMPRESSED;
    encoded.set(bigIntToBytes(x, fieldSize), 1);
    encoded.set(bigIntToBytes(y, fieldSize), 1 + fieldSize);
    return encoded;
  }

  #halfInverse({ x, y }: Point): bigint {
    if (this.#last?.x !== x || this.#last.y !== y) {
      this.#last = { x, y, inverse: modInverse(2n * y, this.#curve.p) };
    }
    return this.#last.inverse;
  }
}
