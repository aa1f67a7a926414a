import { mod, modInverse } from "../big-integer.ts";
import { addPoints } from "../ecc/add-points.ts";
import { CURVES, type Curve } from "../ecc/curves.ts";
import type { CurveName, Point } from "../provider.ts";
import { EcdhProducts } from "./ecdh-products.ts";
import { GeneratorProducts } from "./generator-products.ts";
import type { NativeProducts } from "./native-products.ts";

/** Curves that OpenSSL has fast code for, which only the named curve gets. */
const FAST_IN_OPENSSL: ReadonlySet<CurveName> = new Set(["NIST_P256"]);

/** Point arithmetic of one curve by OpenSSL. */
export class NativeCurve {
  readonly #curve: Curve;
  /** For products of the generator. */
  readonly #base: NativeProducts;
  /** For products of all other points. */
  readonly #point: NativeProducts;

  private constructor(curve: Curve, base: NativeProducts, point: NativeProducts) {
    this.#curve = curve;
    this.#base = base;
    this.#point = point;
  }

  /** `undefined` if this build of OpenSSL can do nothing for the curve. */
  static create(name: CurveName): NativeCurve | undefined {
    const ecdh = EcdhProducts.create(name);
    const generator = GeneratorProducts.create(name);
    const base = ecdh ?? generator;
    const point = FAST_IN_OPENSSL.has(name) ? base : (generator ?? ecdh);
    return base && point && new NativeCurve(CURVES[name], base, point);
  }

  multiplyBase(scalar: bigint): Point | undefined {
    const k = mod(scalar, this.#curve.n);
    return k === 0n ? undefined : this.#base.ofGenerator(k);
  }

  multiply(point: Point, scalar: bigint): Point | undefined {
    const k = mod(scalar, this.#curve.n);
    return k === 0n ? undefined : this.#point.ofPoint(point, k);
  }

  multiplyX(point: Point, scalar: bigint): bigint | undefined {
    const k = mod(scalar, this.#curve.n);
    return k === 0n ? undefined : this.#point.xOfPoint(point, k);
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
}
