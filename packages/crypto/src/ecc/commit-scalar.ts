import { bigIntToBytes, bytesToBigInt } from "../big-integer.ts";
import { digestSize } from "../hash-sizes.ts";
import { KDFa } from "../kdfa.ts";
import type { Bytes, CryptoProvider, CurveName } from "../provider.ts";
import { CURVES } from "./curves.ts";

const HASH = "SHA512";
const LABEL = "ECDAA Commit";
const COUNT_SIZE = 8;
/** As in libtpms: the counter is stepped before its first use. */
const FIRST_COUNTER = 2;

/**
 * The secret `r` of a commitment, derived so that a TPM need not store it: `0 < r < n`.
 *
 * @param commitNonce the secret that changes with every reset
 * @param count the commit counter when the commitment was made
 * @spec Part 1, "ECDAA Commit Operation"
 */
export function commitScalar(
  provider: CryptoProvider,
  curve: CurveName,
  commitNonce: Bytes,
  keyName: Bytes,
  count: bigint,
): bigint {
  const { n, orderSize } = CURVES[curve];
  const blocks = Math.ceil(orderSize / digestSize(HASH));
  const input = {
    hashAlg: HASH,
    key: commitNonce,
    label: LABEL,
    contextU: keyName,
    contextV: bigIntToBytes(count, COUNT_SIZE),
    bits: 8 * orderSize,
  } as const;
  for (let counter = FIRST_COUNTER; ; counter += blocks) {
    const candidate = KDFa(provider, input, counter);
    const hasHighPart = candidate.subarray(0, Math.floor(orderSize / 2) + 1).some((byte) => byte !== 0);
    const r = bytesToBigInt(candidate);
    if (hasHighPart && r < n) return r;
  }
}
