import { bitLength } from "../big-integer.ts";
import type { CryptoProvider, CurveName, Point } from "../provider.ts";
import { addPoints } from "./add-points.ts";
import { CURVES } from "./curves.ts";

/** Both keys of each side; the points are on the curve. Side A is ours. */
export interface TwoPhaseInput {
  /** Static private key. */
  readonly staticA: bigint;
  /** Ephemeral private key. */
  readonly ephemeralA: bigint;
  readonly staticB: Point;
  readonly ephemeralB: Point;
}

/**
 * The point two keys share; `undefined` if that is the point at infinity. Every curve has cofactor 1.
 *
 * @spec SP800-56A, "Elliptic Curve Cryptography Cofactor Diffie-Hellman (ECC CDH) Primitive"
 */
export function exchangeEcdh(
  provider: CryptoProvider,
  curve: CurveName,
  privateKey: bigint,
  publicKey: Point,
): Point | undefined {
  return provider.multiply(curve, publicKey, privateKey);
}

/**
 * Full MQV. The reference code never sets the order that it reduces by and cannot complete this exchange: we follow the standard.
 *
 * @spec SP800-56A, "MQV Form 1: Full MQV Form"
 */
export function exchangeMqv(provider: CryptoProvider, curve: CurveName, input: TwoPhaseInput): Point | undefined {
  const { n } = CURVES[curve];
  const half = Math.ceil(bitLength(n) / 2);
  const own = provider.multiplyBase(curve, input.ephemeralA);
  if (own === undefined) return undefined;
  const t = (input.ephemeralA + associate(own, half) * input.staticA) % n;
  return combine(provider, curve, t, input.ephemeralB, input.staticB, associate(input.ephemeralB, half));
}

/**
 * The exchange of SM2. The associated value is two bits shorter than half the order as in libtpms, where the standard says one bit:
 * both sides of an exchange must be TPMs of that family.
 *
 * @spec GM/T 0003.3, "Key exchange protocol and process"
 */
export function exchangeSm2(provider: CryptoProvider, curve: CurveName, input: TwoPhaseInput): Point | undefined {
  const { n } = CURVES[curve];
  const width = Math.floor((bitLength(n) - 1) / 2) - 1;
  const own = provider.multiplyBase(curve, input.ephemeralA);
  if (own === undefined) return undefined;
  const t = (input.staticA + associate(own, width) * input.ephemeralA) % n;
  return combine(provider, curve, t, input.staticB, input.ephemeralB, associate(input.ephemeralB, width));
}

/** The low bits of x with a one above them. */
function associate({ x }: Point, width: number): bigint {
  return BigInt.asUintN(width, x) | (1n << BigInt(width));
}

/** `scalar * (first + factor * second)` */
function combine(
  provider: CryptoProvider,
  curve: CurveName,
  scalar: bigint,
  first: Point,
  second: Point,
  factor: bigint,
): Point | undefined {
  // The other side's points are no secret, and neither is what follows from them.
  const product = provider.multiplyAdd(curve, 0n, second, factor);
  const sum = product === undefined ? first : addPoints(CURVES[curve], first, product);
  return sum === undefined ? undefined : provider.multiply(curve, sum, scalar);
}
