import { type WeierstrassPoint, type WeierstrassPointCons, weierstrass } from "@noble/curves/abstract/weierstrass.js";
import { mod } from "../big-integer.ts";
import { CURVES } from "../ecc/curves.ts";
import type { CurveName, Point } from "../provider.ts";

/** Point arithmetic of one curve. Built at first use: noble computes tables for the generator then, which take 10 to 60 ms. */
export class ShortWeierstrass {
  readonly #points: WeierstrassPointCons<bigint>;
  readonly #order: bigint;

  constructor(curve: CurveName) {
    const { p, a, b, n, h, G } = CURVES[curve];
    // Noble blinds secret scalars with the platform's entropy where there is any; results never depend on it.
    this.#points = weierstrass({ p, a, b, n, h, Gx: G.x, Gy: G.y });
    this.#order = n;
  }

  multiplyBase(scalar: bigint): Point | undefined {
    const k = mod(scalar, this.#order);
    return k === 0n ? undefined : affine(this.#points.BASE.multiply(k));
  }

  multiply(point: Point, scalar: bigint): Point | undefined {
    const k = mod(scalar, this.#order);
    return k === 0n ? undefined : affine(this.#points.fromAffine(point).multiply(k));
  }

  multiplyX(point: Point, scalar: bigint): bigint | undefined {
    return this.multiply(point, scalar)?.x;
  }

  multiplyAdd(a: bigint, point: Point, b: bigint): Point | undefined {
    const other = this.#points.fromAffine(point);
    const sum = this.#points.BASE.mulAddUnsafe(mod(a, this.#order), other, mod(b, this.#order));
    return sum.is0() ? undefined : affine(sum);
  }

  multiplyAddX(a: bigint, point: Point, b: bigint): bigint | undefined {
    return this.multiplyAdd(a, point, b)?.x;
  }
}

function affine(point: WeierstrassPoint<bigint>): Point {
  const { x, y } = point.toAffine();
  return { x, y };
}
