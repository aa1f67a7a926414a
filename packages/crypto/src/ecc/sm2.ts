import { bytesToBigInt, mod } from "../big-integer.ts";
import type { Bytes, CryptoProvider, CurveName, Point, RandomSource } from "../provider.ts";
import { blindedInverse } from "./blinded-inverse.ts";
import { CURVES } from "./curves.ts";
import { generateScalar } from "./scalar.ts";
import { type EccSignature, isSignatureInRange } from "./signature.ts";

/**
 * Signs a digest, on any curve. The digest is the standard's `e`: hashing the signer's identity in front is up to the caller of the TPM.
 *
 * @spec GM/T 0003.2, "Digital signature generation algorithm"
 * @throws RangeError for the one private key, n - 1, that cannot sign
 */
export function signSm2(
  provider: CryptoProvider,
  curve: CurveName,
  d: bigint,
  digest: Bytes,
  random: RandomSource,
): EccSignature {
  const { n } = CURVES[curve];
  const e = bytesToBigInt(digest);
  for (;;) {
    const k = generateScalar(curve, random);
    const r = (e + (provider.multiplyBase(curve, k)?.x ?? 0n)) % n;
    if (r === 0n || r + k === n) continue;
    const s = mod(blindedInverse(curve, d + 1n, random) * mod(k - r * d, n), n);
    if (s !== 0n) return { r, s };
  }
}

/** Whether a signature of a digest is good; the key is on the curve. @spec GM/T 0003.2, "Digital signature verification algorithm" */
export function verifySm2(
  provider: CryptoProvider,
  curve: CurveName,
  key: Point,
  digest: Bytes,
  signature: EccSignature,
): boolean {
  if (!isSignatureInRange(curve, signature)) return false;
  const { n } = CURVES[curve];
  const { r, s } = signature;
  const t = (r + s) % n;
  if (t === 0n) return false;
  const x = provider.multiplyAddX(curve, s, key, t);
  return x !== undefined && (bytesToBigInt(digest) + x) % n === r;
}
