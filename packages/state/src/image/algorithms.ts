import { TPMI_ALG_HASH, TPMI_ALG_HASH_NULLABLE } from "@vtpm/tpm2/spec";
import { digestSizeOf } from "@vtpm/tpm2/state";
import type { Bytes, Codec } from "@vtpm/wire";

/** A hash algorithm that the TPM has; its state keeps any number. */
export const HASH: Codec<number> = TPMI_ALG_HASH;
export const HASH_OR_NULL: Codec<number> = TPMI_ALG_HASH_NULLABLE;

/** What is wrong with a policy, if anything: it is a digest of its algorithm, and there is none without one. */
export function complaintAboutPolicy(hashAlg: number, policy: Bytes): string | undefined {
  const size = digestSizeOf(hashAlg);
  return policy.length === size ? undefined : `a policy of ${policy.length} bytes, expected ${size}`;
}
