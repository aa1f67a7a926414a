import { type WeierstrassPoint, type WeierstrassPointCons, weierstrass } from "@noble/curves/abstract/weierstrass.js";
import { mod } from "../big-integer.ts";
import { CURVES } from "../ecc/curves.ts";
import type { CurveName, Point } from "../provider.ts";
import { mersenneField } from "./mersenne-field.ts";

/** From so many products of the generator on, the tables that make them faster pay for themselves: they take as long as three to five. */
const USES_WORTH_TABLES = 8;
/** Bits of a scalar that one table serves: two more would save a third of each product, and take three times as long to prepare. */
const TABLE_BITS = 4;

/** Point arithmetic of one curve. */
export class ShortWeierstrass {
  readonly #points: WeierstrassPointCons<bigint>;
  readonly #order: bigint;
  /** The generator as any other point, for which no tables are made. */
  readonly #generator: WeierstrassPoint<bigint>;
  #baseUses = 0;

  constructor(curve: CurveName) {
    const { p, a, b, n, h, G, bits } = CURVES[curve];
    // Noble blinds secret scalars with the platform's entropy where there is any; results never depend on it.
    const parameters = { p, a, b, n, h, Gx: G.x, Gy: G.y };
    this.#points = weierstrass(parameters, p === 2n ** BigInt(bits) - 1n ? { Fp: mersenneField(bits) } : {});
    this.#points.BASE.precompute(TABLE_BITS);
    this.#order = n;
    this.#generator = this.#points.fromAffine(G);
  }

  multiplyBase(scalar: bigint): Point | undefined {
    const k = mod(scalar, this.#order);
    const base = this.#baseUses++ < USES_WORTH_TABLES ? this.#generator : this.#points.BASE;
    return k === 0n ? undefined : affine(base.multiply(k));
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
