import { type TypeOf, union } from "@vtpm/wire";
import { TPM_CAP } from "../constants.ts";
import {
  TPML_ACT_DATA,
  TPML_ALG_PROPERTY,
  TPML_CC,
  TPML_CCA,
  TPML_ECC_CURVE,
  TPML_HANDLE,
  TPML_PCR_SELECTION,
  TPML_SPDM_SESSION_INFO,
  TPML_TAGGED_PCR_PROPERTY,
  TPML_TAGGED_POLICY,
  TPML_TAGGED_TPM_PROPERTY,
  TPML_VENDOR_PROPERTY,
} from "./base-structures.ts";
import { TPM_CAP_ID } from "./constant-types.ts";
import { TPML_PUB_KEY } from "./objects.ts";

/**
 * The answer to TPM2_GetCapability.
 *
 * @spec Part 2, "TPMS_CAPABILITY_DATA"
 */
export const TPMS_CAPABILITY_DATA = union("TPMS_CAPABILITY_DATA", { capability: TPM_CAP_ID }, "capability", {
  [TPM_CAP.ALGS]: { data: TPML_ALG_PROPERTY },
  [TPM_CAP.HANDLES]: { data: TPML_HANDLE },
  [TPM_CAP.COMMANDS]: { data: TPML_CCA },
  [TPM_CAP.PP_COMMANDS]: { data: TPML_CC },
  [TPM_CAP.AUDIT_COMMANDS]: { data: TPML_CC },
  [TPM_CAP.PCRS]: { data: TPML_PCR_SELECTION },
  [TPM_CAP.TPM_PROPERTIES]: { data: TPML_TAGGED_TPM_PROPERTY },
  [TPM_CAP.PCR_PROPERTIES]: { data: TPML_TAGGED_PCR_PROPERTY },
  [TPM_CAP.ECC_CURVES]: { data: TPML_ECC_CURVE },
  [TPM_CAP.AUTH_POLICIES]: { data: TPML_TAGGED_POLICY },
  [TPM_CAP.ACT]: { data: TPML_ACT_DATA },
  [TPM_CAP.PUB_KEYS]: { data: TPML_PUB_KEY },
  [TPM_CAP.SPDM_SESSION_INFO]: { data: TPML_SPDM_SESSION_INFO },
  [TPM_CAP.VENDOR_PROPERTY]: { data: TPML_VENDOR_PROPERTY },
});
export type TPMS_CAPABILITY_DATA = TypeOf<typeof TPMS_CAPABILITY_DATA>;
