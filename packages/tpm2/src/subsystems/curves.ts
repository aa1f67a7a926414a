import { bigIntToBytes, bytesToBigInt, CURVES, type Curve, type CurveName, isOnCurve, type Point } from "@vtpm/crypto";
import { TPM_ECC_CURVE } from "../spec/constants.ts";
import type { TPMS_ECC_POINT } from "../spec/structures/index.ts";

const NAMES = new Map<number, CurveName>([
  [TPM_ECC_CURVE.NIST_P192, "NIST_P192"],
  [TPM_ECC_CURVE.NIST_P224, "NIST_P224"],
  [TPM_ECC_CURVE.NIST_P256, "NIST_P256"],
  [TPM_ECC_CURVE.NIST_P384, "NIST_P384"],
  [TPM_ECC_CURVE.NIST_P521, "NIST_P521"],
  [TPM_ECC_CURVE.BN_P256, "BN_P256"],
  [TPM_ECC_CURVE.BN_P638, "BN_P638"],
  [TPM_ECC_CURVE.SM2_P256, "SM2_P256"],
]);

/** The domain parameters behind a TPM_ECC_CURVE. */
export function curveOf(curveID: number): Curve {
  const name = NAMES.get(curveID);
  if (name === undefined) throw new RangeError(`0x${curveID.toString(16)} is not a curve of this engine`);
  return CURVES[name];
}

/** The point that a caller sent, or `undefined` if it is not on the curve. */
export function pointOnCurve(curve: Curve, { x, y }: TPMS_ECC_POINT): Point | undefined {
  const point = { x: bytesToBigInt(x), y: bytesToBigInt(y) };
  return isOnCurve(curve.name, point) ? point : undefined;
}

/** A point as it is sent: both coordinates padded to the size of the field. */
export function pointToBytes({ fieldSize }: Curve, { x, y }: Point): TPMS_ECC_POINT {
  return { x: bigIntToBytes(x, fieldSize), y: bigIntToBytes(y, fieldSize) };
}
