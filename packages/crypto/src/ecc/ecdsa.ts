import { bitLength, bytesToBigInt, modInverse } from "../big-integer.ts";
import type { Bytes, CryptoProvider, CurveName, Point, RandomSource } from "../provider.ts";
import { blindedInverse } from "./blinded-inverse.ts";
import { CURVES, type Curve } from "./curves.ts";
import { generateScalar } from "./scalar.ts";
import { type EccSignature, isSignatureInRange } from "./signature.ts";

/**
 * Signs a digest of any size; what exceeds the order is cut off. Draws the nonce, then a blinding factor.
 *
 * @spec FIPS 186-4, "ECDSA Digital Signature Generation"
 */
export function signEcdsa(
  provider: CryptoProvider,
  curve: CurveName,
  d: bigint,
  digest: Bytes,
  random: RandomSource,
): EccSignature {
  const { n } = CURVES[curve];
  const e = digestToScalar(CURVES[curve], digest);
  for (;;) {
    const k = generateScalar(curve, random);
    const r = (provider.multiplyBase(curve, k)?.x ?? 0n) % n;
    if (r === 0n) continue;
    const s = (blindedInverse(curve, k, random) * (e + r * d)) % n;
    if (s !== 0n) return { r, s };
  }
}

/**
 * Whether a signature of a digest is good; the key is on the curve.
 *
 * @spec FIPS 186-4, "ECDSA Digital Signature Verification"
 */
export function verifyEcdsa(
  provider: CryptoProvider,
  curve: CurveName,
  key: Point,
  digest: Bytes,
  signature: EccSignature,
): boolean {
  if (!isSignatureInRange(curve, signature)) return false;
  const { n } = CURVES[curve];
  const { r, s } = signature;
  const w = modInverse(s, n);
  const x = provider.multiplyAddX(curve, (digestToScalar(CURVES[curve], digest) * w) % n, key, (r * w) % n);
  return x !== undefined && x % n === r;
}

function digestToScalar({ n, orderSize }: Curve, digest: Bytes): bigint {
  const kept = digest.subarray(0, orderSize);
  const excess = kept.length === orderSize ? 8 * orderSize - bitLength(n) : 0;
  return (bytesToBigInt(kept) >> BigInt(excess)) % n;
}
