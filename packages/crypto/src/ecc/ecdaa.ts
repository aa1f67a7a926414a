import { bigIntToBytes, byteLength, bytesToBigInt } from "../big-integer.ts";
import type { Bytes, CryptoProvider, CurveName, HashName, Point, RandomSource } from "../provider.ts";
import { CURVES } from "./curves.ts";
import { generateScalar } from "./scalar.ts";
import type { EccSignature } from "./signature.ts";

/** Points of a commitment; what was not asked for, and the point at infinity, is `undefined`. */
export interface Commitment {
  /** `[d]B` */
  readonly K: Point | undefined;
  /** `[r]B` */
  readonly L: Point | undefined;
  /** `[r]M`; `[r]G` if neither `B` nor `M` was given. */
  readonly E: Point | undefined;
}

/** What a commitment is made of; both points, where given, are on the curve. */
export interface CommitInput {
  readonly d: bigint;
  /** From `commitScalar`. */
  readonly r: bigint;
  readonly B?: Point | undefined;
  readonly M?: Point | undefined;
}

/** First half of an ECDAA or split signature. @spec Part 3, "TPM2_Commit" */
export function commitEcdaa(provider: CryptoProvider, curve: CurveName, { d, r, B, M }: CommitInput): Commitment {
  const ephemeral = M ? provider.multiply(curve, M, r) : B ? undefined : provider.multiplyBase(curve, r);
  return {
    K: B && provider.multiply(curve, B, d),
    L: B && provider.multiply(curve, B, r),
    E: ephemeral,
  };
}

/**
 * Second half: signs a digest with the secret of a commitment. `r` of the result is the random number `k` of the specification; libtpms
 * puts it on the wire without leading zeros, `s` with the size of the order.
 *
 * @param r the secret of the commitment, from `commitScalar`
 * @spec Part 1, "ECDAA Sign Operation"
 */
export function signEcdaa(
  provider: CryptoProvider,
  curve: CurveName,
  d: bigint,
  r: bigint,
  hashAlg: HashName,
  digest: Bytes,
  random: RandomSource,
): EccSignature {
  const { n } = CURVES[curve];
  for (;;) {
    const k = generateScalar(curve, random);
    const T = bytesToBigInt(provider.hash(hashAlg, bigIntToBytes(k, byteLength(k)), digest)) % n;
    const s = (r + T * d) % n;
    if (T !== 0n && s !== 0n) return { r: k, s };
  }
}
