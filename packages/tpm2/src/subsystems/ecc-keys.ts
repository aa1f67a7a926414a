import { bytesToBigInt } from "@vtpm/crypto";
import { TPM_ALG } from "../spec/constants.ts";
import type { TPMT_PUBLIC_NULLABLE, TPMT_SENSITIVE } from "../spec/structures/index.ts";

/** The public area of a key on a curve. */
export type ECC_PUBLIC = Extract<TPMT_PUBLIC_NULLABLE, { readonly type: typeof TPM_ALG.ECC }>;

/** The private scalar; whoever calls has made sure that the sensitive area is loaded. */
export function eccPrivateKeyOf(sensitive: TPMT_SENSITIVE | undefined): bigint {
  if (sensitive?.sensitiveType !== TPM_ALG.ECC) throw new RangeError("the ECC key has no private part");
  return bytesToBigInt(sensitive.sensitive);
}
