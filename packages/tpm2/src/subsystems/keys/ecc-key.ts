import { bytesToBigInt } from "@vtpm/crypto";
import { TPM_ALG } from "../../spec/constants.ts";
import type { TPMT_PUBLIC_NULLABLE } from "../../spec/structures/index.ts";
import type { KEY_SLOT } from "../../state/object.ts";

/** The public area of a key on a curve. */
export type EccPublicArea = Extract<TPMT_PUBLIC_NULLABLE, { readonly type: typeof TPM_ALG.ECC }>;

/** The private scalar; whoever calls has made sure that it is an ECC key and that its sensitive area is loaded. */
export function eccPrivateKeyOf({ sensitive }: KEY_SLOT): bigint {
  if (sensitive?.sensitiveType !== TPM_ALG.ECC) throw new RangeError("expected an ECC key with its private part");
  return bytesToBigInt(sensitive.sensitive);
}
