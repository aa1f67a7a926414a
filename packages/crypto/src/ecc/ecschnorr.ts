import { bigIntToBytes, bytesToBigInt } from "../big-integer.ts";
import type { Bytes, CryptoProvider, CurveName, HashName, Point, RandomSource } from "../provider.ts";
import { CURVES } from "./curves.ts";
import { generateScalar } from "./scalar.ts";
import { type EccSignature, isSignatureInRange } from "./signature.ts";

/**
 * Signs a digest. Follows the reference code: `r` is the hash of x and digest, cut to the size of the order.
 *
 * @spec Part 1, "EC Schnorr Signing"
 */
export function signEcschnorr(
  provider: CryptoProvider,
  curve: CurveName,
  d: bigint,
  hashAlg: HashName,
  digest: Bytes,
  random: RandomSource,
): EccSignature {
  const { n } = CURVES[curve];
  for (;;) {
    const k = generateScalar(curve, random);
    const x = provider.multiplyBase(curve, k)?.x ?? 0n;
    const r = challenge(provider, curve, hashAlg, x, digest);
    const s = (k + r * d) % n;
    // The reference code accepts r >= n here, which its own verification then refuses.
    if (isSignatureInRange(curve, { r, s })) return { r, s };
  }
}

/** Whether a signature of a digest is good; the key is on the curve. @spec Part 1, "EC Schnorr Signature Validation" */
export function verifyEcschnorr(
  provider: CryptoProvider,
  curve: CurveName,
  key: Point,
  hashAlg: HashName,
  digest: Bytes,
  signature: EccSignature,
): boolean {
  if (!isSignatureInRange(curve, signature)) return false;
  const { r, s } = signature;
  const x = provider.multiplyAddX(curve, s, key, CURVES[curve].n - r);
  return x !== undefined && challenge(provider, curve, hashAlg, x, digest) === r;
}

function challenge(provider: CryptoProvider, curve: CurveName, hashAlg: HashName, x: bigint, digest: Bytes): bigint {
  const { orderSize } = CURVES[curve];
  return bytesToBigInt(provider.hash(hashAlg, bigIntToBytes(x, orderSize), digest).subarray(0, orderSize));
}
