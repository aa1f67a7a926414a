import { sized, struct, type TypeOf, UINT32, UINT64 } from "@vtpm/wire";
import { TPMA_LOCALITY } from "../attributes.ts";
import { TPM2B_DATA, TPM2B_DIGEST, TPM2B_NAME, TPML_PCR_SELECTION } from "./base-structures.ts";
import { TPM_ALG_ID, TPM_AT_ID } from "./constant-types.ts";
import { tpm2b, tpml } from "./declare.ts";
import { TPMI_DH_SAVED, TPMI_RH_HIERARCHY_NULLABLE } from "./interface-types.ts";

/** @spec Part 2, "TPM2B_CONTEXT_SENSITIVE" */
export const TPM2B_CONTEXT_SENSITIVE = tpm2b("TPM2B_CONTEXT_SENSITIVE", "MAX_CONTEXT_SIZE");
export type TPM2B_CONTEXT_SENSITIVE = TypeOf<typeof TPM2B_CONTEXT_SENSITIVE>;

/** @spec Part 2, "TPMS_CONTEXT_DATA" */
export const TPMS_CONTEXT_DATA = struct("TPMS_CONTEXT_DATA", {
  integrity: TPM2B_DIGEST,
  encrypted: TPM2B_CONTEXT_SENSITIVE,
});
export type TPMS_CONTEXT_DATA = TypeOf<typeof TPMS_CONTEXT_DATA>;

/** @spec Part 2, "TPM2B_CONTEXT_DATA" */
export const TPM2B_CONTEXT_DATA = tpm2b("TPM2B_CONTEXT_DATA", "MAX_CONTEXT_DATA_SIZE");
export type TPM2B_CONTEXT_DATA = TypeOf<typeof TPM2B_CONTEXT_DATA>;

/**
 * A saved object or session. What TPM2_ContextLoad takes may be followed by padding; that is the command's affair.
 *
 * @spec Part 2, "TPMS_CONTEXT"
 */
export const TPMS_CONTEXT = struct("TPMS_CONTEXT", {
  sequence: UINT64,
  savedHandle: TPMI_DH_SAVED,
  hierarchy: TPMI_RH_HIERARCHY_NULLABLE,
  contextBlob: TPM2B_CONTEXT_DATA,
});
export type TPMS_CONTEXT = TypeOf<typeof TPMS_CONTEXT>;

/** @spec Part 2, "TPMS_CREATION_DATA" */
export const TPMS_CREATION_DATA = struct("TPMS_CREATION_DATA", {
  pcrSelect: TPML_PCR_SELECTION,
  pcrDigest: TPM2B_DIGEST,
  locality: TPMA_LOCALITY,
  parentNameAlg: TPM_ALG_ID,
  parentName: TPM2B_NAME,
  parentQualifiedName: TPM2B_NAME,
  outsideInfo: TPM2B_DATA,
});
export type TPMS_CREATION_DATA = TypeOf<typeof TPMS_CREATION_DATA>;

/** @spec Part 2, "TPM2B_CREATION_DATA" */
export const TPM2B_CREATION_DATA = sized("TPM2B_CREATION_DATA", TPMS_CREATION_DATA);
export type TPM2B_CREATION_DATA = TypeOf<typeof TPM2B_CREATION_DATA>;

/** @spec Part 2, "TPMS_AC_OUTPUT" */
export const TPMS_AC_OUTPUT = struct("TPMS_AC_OUTPUT", { tag: TPM_AT_ID, data: UINT32 });
export type TPMS_AC_OUTPUT = TypeOf<typeof TPMS_AC_OUTPUT>;

/** @spec Part 2, "TPML_AC_CAPABILITIES" */
export const TPML_AC_CAPABILITIES = tpml("TPML_AC_CAPABILITIES", TPMS_AC_OUTPUT, "MAX_AC_CAPABILITIES");
export type TPML_AC_CAPABILITIES = TypeOf<typeof TPML_AC_CAPABILITIES>;
