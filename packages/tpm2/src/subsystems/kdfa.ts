import { KDFa } from "@vtpm/crypto";
import type { Bytes } from "@vtpm/wire";
import type { Engine } from "../engine.ts";
import { TPM_ALG } from "../spec/constants.ts";

/** KDFa with the TPM's provider; the function counts as tested from then on. @spec Part 1, "KDFa()" */
export function kdfa(tpm: Engine, request: Parameters<typeof KDFa>[1]): Bytes {
  tpm.countAsTested(TPM_ALG.KDF1_SP800_108);
  return KDFa(tpm.crypto, request);
}
