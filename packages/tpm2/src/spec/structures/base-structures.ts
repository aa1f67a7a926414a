import { buffer, bytes, choice, struct, type TypeOf, UINT8, UINT32, union } from "@vtpm/wire";
import { TPMA_ACT, TPMA_ALGORITHM, TPMA_CC } from "../attributes.ts";
import { TPM_ALG, TPM_ST } from "../constants.ts";
import type { LimitName } from "../limits.ts";
import {
  TPM_ALG_ID,
  TPM_CC_ID,
  TPM_ECC_CURVE_ID,
  TPM_HANDLE,
  TPM_PT_ID,
  TPM_PT_PCR_ID,
  TPM_ST_ID,
} from "./constant-types.ts";
import { tpm2b, tpml } from "./declare.ts";
import { TPMI_ALG_HASH, TPMI_ALG_HASH_NULLABLE, TPMI_RH_HIERARCHY_NULLABLE } from "./interface-types.ts";

/** @spec Part 2, "TPMS_EMPTY" */
export const TPMS_EMPTY = struct("TPMS_EMPTY", {});
export type TPMS_EMPTY = TypeOf<typeof TPMS_EMPTY>;

/** @spec Part 2, "TPMS_ALGORITHM_DESCRIPTION" */
export const TPMS_ALGORITHM_DESCRIPTION = struct("TPMS_ALGORITHM_DESCRIPTION", {
  alg: TPM_ALG_ID,
  attributes: TPMA_ALGORITHM,
});
export type TPMS_ALGORITHM_DESCRIPTION = TypeOf<typeof TPMS_ALGORITHM_DESCRIPTION>;

const DIGESTS = {
  [TPM_ALG.SHA1]: { digest: bytes("TPMU_HA.sha1", 20) },
  [TPM_ALG.SHA256]: { digest: bytes("TPMU_HA.sha256", 32) },
  [TPM_ALG.SHA384]: { digest: bytes("TPMU_HA.sha384", 48) },
  [TPM_ALG.SHA512]: { digest: bytes("TPMU_HA.sha512", 64) },
  [TPM_ALG.SM3_256]: { digest: bytes("TPMU_HA.sm3_256", 32) },
  [TPM_ALG.SHA3_256]: { digest: bytes("TPMU_HA.sha3_256", 32) },
  [TPM_ALG.SHA3_384]: { digest: bytes("TPMU_HA.sha3_384", 48) },
  [TPM_ALG.SHA3_512]: { digest: bytes("TPMU_HA.sha3_512", 64) },
} as const;

/**
 * A digest and its algorithm, which gives its size.
 *
 * @spec Part 2, "TPMT_HA"
 */
export const TPMT_HA = union("TPMT_HA", { hashAlg: TPMI_ALG_HASH }, "hashAlg", DIGESTS);
export type TPMT_HA = TypeOf<typeof TPMT_HA>;
export const TPMT_HA_NULLABLE = union("TPMT_HA+", { hashAlg: TPMI_ALG_HASH_NULLABLE }, "hashAlg", {
  ...DIGESTS,
  [TPM_ALG.NULL]: {},
});
export type TPMT_HA_NULLABLE = TypeOf<typeof TPMT_HA_NULLABLE>;

/** @spec Part 2, "TPM2B_DIGEST" */
export const TPM2B_DIGEST = tpm2b("TPM2B_DIGEST", "MAX_DIGEST_SIZE");
export type TPM2B_DIGEST = TypeOf<typeof TPM2B_DIGEST>;

/** @spec Part 2, "TPM2B_DATA" */
export const TPM2B_DATA = tpm2b("TPM2B_DATA", "MAX_DATA_SIZE");
export type TPM2B_DATA = TypeOf<typeof TPM2B_DATA>;

/** @spec Part 2, "TPM2B_NONCE" */
export const TPM2B_NONCE = tpm2b("TPM2B_NONCE", "MAX_DIGEST_SIZE");
export type TPM2B_NONCE = TypeOf<typeof TPM2B_NONCE>;

/** @spec Part 2, "TPM2B_AUTH" */
export const TPM2B_AUTH = tpm2b("TPM2B_AUTH", "MAX_DIGEST_SIZE");
export type TPM2B_AUTH = TypeOf<typeof TPM2B_AUTH>;

/** @spec Part 2, "TPM2B_OPERAND" */
export const TPM2B_OPERAND = tpm2b("TPM2B_OPERAND", "MAX_DIGEST_SIZE");
export type TPM2B_OPERAND = TypeOf<typeof TPM2B_OPERAND>;

/** @spec Part 2, "TPM2B_EVENT" */
export const TPM2B_EVENT = tpm2b("TPM2B_EVENT", "MAX_EVENT_SIZE");
export type TPM2B_EVENT = TypeOf<typeof TPM2B_EVENT>;

/** @spec Part 2, "TPM2B_MAX_BUFFER" */
export const TPM2B_MAX_BUFFER = tpm2b("TPM2B_MAX_BUFFER", "MAX_DIGEST_BUFFER");
export type TPM2B_MAX_BUFFER = TypeOf<typeof TPM2B_MAX_BUFFER>;

/** @spec Part 2, "TPM2B_MAX_NV_BUFFER" */
export const TPM2B_MAX_NV_BUFFER = tpm2b("TPM2B_MAX_NV_BUFFER", "MAX_NV_BUFFER_SIZE");
export type TPM2B_MAX_NV_BUFFER = TypeOf<typeof TPM2B_MAX_NV_BUFFER>;

/** @spec Part 2, "TPM2B_TIMEOUT" */
export const TPM2B_TIMEOUT = tpm2b("TPM2B_TIMEOUT", 8);
export type TPM2B_TIMEOUT = TypeOf<typeof TPM2B_TIMEOUT>;

/** @spec Part 2, "TPM2B_IV" */
export const TPM2B_IV = tpm2b("TPM2B_IV", "MAX_SYM_BLOCK_SIZE");
export type TPM2B_IV = TypeOf<typeof TPM2B_IV>;

/** @spec Part 2, "TPM2B_VENDOR_PROPERTY" */
export const TPM2B_VENDOR_PROPERTY = tpm2b("TPM2B_VENDOR_PROPERTY", "MAX_VENDOR_BUFFER_SIZE");
export type TPM2B_VENDOR_PROPERTY = TypeOf<typeof TPM2B_VENDOR_PROPERTY>;

/** @spec Part 2, "TPM2B_NAME" */
export const TPM2B_NAME = tpm2b("TPM2B_NAME", "MAX_NAME_SIZE");
export type TPM2B_NAME = TypeOf<typeof TPM2B_NAME>;

/** A bit map of PCR behind its size, an octet. */
function pcrSelect(min: number | LimitName) {
  return buffer("pcrSelect", { base: UINT8, min, max: "PCR_SELECT_MAX", reason: "VALUE" });
}

/** @spec Part 2, "TPMS_PCR_SELECT" */
export const TPMS_PCR_SELECT = struct("TPMS_PCR_SELECT", { pcrSelect: pcrSelect("PCR_SELECT_MIN") });
export type TPMS_PCR_SELECT = TypeOf<typeof TPMS_PCR_SELECT>;

/**
 * PCR of one bank; PCR n is bit n % 8 of byte n / 8. The size of the bit map (sizeofSelect) is part of `pcrSelect` here.
 *
 * @spec Part 2, "TPMS_PCR_SELECTION"
 */
export const TPMS_PCR_SELECTION = struct("TPMS_PCR_SELECTION", {
  hash: TPMI_ALG_HASH,
  pcrSelect: pcrSelect("PCR_SELECT_MIN"),
});
export type TPMS_PCR_SELECTION = TypeOf<typeof TPMS_PCR_SELECTION>;

/** A tag that no structure has is refused with VALUE, one of another structure with TAG. */
function ticketTag<const V extends TPM_ST>(...values: readonly V[]) {
  return choice("TPM_ST", TPM_ST_ID, { values, names: TPM_ST, reason: "TAG" });
}

/** @spec Part 2, "TPMT_TK_CREATION" */
export const TPMT_TK_CREATION = struct("TPMT_TK_CREATION", {
  tag: ticketTag(TPM_ST.CREATION),
  hierarchy: TPMI_RH_HIERARCHY_NULLABLE,
  digest: TPM2B_DIGEST,
});
export type TPMT_TK_CREATION = TypeOf<typeof TPMT_TK_CREATION>;

/** @spec Part 2, "TPMT_TK_VERIFIED" */
export const TPMT_TK_VERIFIED = struct("TPMT_TK_VERIFIED", {
  tag: ticketTag(TPM_ST.VERIFIED),
  hierarchy: TPMI_RH_HIERARCHY_NULLABLE,
  digest: TPM2B_DIGEST,
});
export type TPMT_TK_VERIFIED = TypeOf<typeof TPMT_TK_VERIFIED>;

/** @spec Part 2, "TPMT_TK_AUTH" */
export const TPMT_TK_AUTH = struct("TPMT_TK_AUTH", {
  tag: ticketTag(TPM_ST.AUTH_SIGNED, TPM_ST.AUTH_SECRET),
  hierarchy: TPMI_RH_HIERARCHY_NULLABLE,
  digest: TPM2B_DIGEST,
});
export type TPMT_TK_AUTH = TypeOf<typeof TPMT_TK_AUTH>;

/** @spec Part 2, "TPMT_TK_HASHCHECK" */
export const TPMT_TK_HASHCHECK = struct("TPMT_TK_HASHCHECK", {
  tag: ticketTag(TPM_ST.HASHCHECK),
  hierarchy: TPMI_RH_HIERARCHY_NULLABLE,
  digest: TPM2B_DIGEST,
});
export type TPMT_TK_HASHCHECK = TypeOf<typeof TPMT_TK_HASHCHECK>;

/** @spec Part 2, "TPMS_ALG_PROPERTY" */
export const TPMS_ALG_PROPERTY = struct("TPMS_ALG_PROPERTY", { alg: TPM_ALG_ID, algProperties: TPMA_ALGORITHM });
export type TPMS_ALG_PROPERTY = TypeOf<typeof TPMS_ALG_PROPERTY>;

/** @spec Part 2, "TPMS_TAGGED_PROPERTY" */
export const TPMS_TAGGED_PROPERTY = struct("TPMS_TAGGED_PROPERTY", { property: TPM_PT_ID, value: UINT32 });
export type TPMS_TAGGED_PROPERTY = TypeOf<typeof TPMS_TAGGED_PROPERTY>;

/** @spec Part 2, "TPMS_TAGGED_PCR_SELECT" */
export const TPMS_TAGGED_PCR_SELECT = struct("TPMS_TAGGED_PCR_SELECT", {
  tag: TPM_PT_PCR_ID,
  pcrSelect: pcrSelect(0),
});
export type TPMS_TAGGED_PCR_SELECT = TypeOf<typeof TPMS_TAGGED_PCR_SELECT>;

/**
 * The policy of a permanent handle; without one the algorithm is NULL.
 *
 * @spec Part 2, "TPMS_TAGGED_POLICY"
 */
export const TPMS_TAGGED_POLICY = struct("TPMS_TAGGED_POLICY", { handle: TPM_HANDLE, policyHash: TPMT_HA_NULLABLE });
export type TPMS_TAGGED_POLICY = TypeOf<typeof TPMS_TAGGED_POLICY>;

/** @spec Part 2, "TPMS_ACT_DATA" */
export const TPMS_ACT_DATA = struct("TPMS_ACT_DATA", { handle: TPM_HANDLE, timeout: UINT32, attributes: TPMA_ACT });
export type TPMS_ACT_DATA = TypeOf<typeof TPMS_ACT_DATA>;

/** @spec Part 2, "TPMS_SPDM_SESSION_INFO" */
export const TPMS_SPDM_SESSION_INFO = struct("TPMS_SPDM_SESSION_INFO", {
  reqKeyName: TPM2B_NAME,
  tpmKeyName: TPM2B_NAME,
});
export type TPMS_SPDM_SESSION_INFO = TypeOf<typeof TPMS_SPDM_SESSION_INFO>;

/** @spec Part 2, "TPML_CC" */
export const TPML_CC = tpml("TPML_CC", TPM_CC_ID, "MAX_CAP_CC");
export type TPML_CC = TypeOf<typeof TPML_CC>;

/** @spec Part 2, "TPML_CCA" */
export const TPML_CCA = tpml("TPML_CCA", TPMA_CC, "MAX_CAP_CC");
export type TPML_CCA = TypeOf<typeof TPML_CCA>;

/** @spec Part 2, "TPML_ALG" */
export const TPML_ALG = tpml("TPML_ALG", TPM_ALG_ID, "MAX_ALG_LIST_SIZE");
export type TPML_ALG = TypeOf<typeof TPML_ALG>;

/** @spec Part 2, "TPML_HANDLE" */
export const TPML_HANDLE = tpml("TPML_HANDLE", TPM_HANDLE, "MAX_CAP_HANDLES");
export type TPML_HANDLE = TypeOf<typeof TPML_HANDLE>;

/** @spec Part 2, "TPML_DIGEST" */
export const TPML_DIGEST = tpml("TPML_DIGEST", TPM2B_DIGEST, 8);
export type TPML_DIGEST = TypeOf<typeof TPML_DIGEST>;
/** What a command is given: at least two, for TPM2_PolicyOR. */
export const TPML_DIGEST_MIN2 = tpml("TPML_DIGEST{2:}", TPM2B_DIGEST, 8, 2);

/** @spec Part 2, "TPML_DIGEST_VALUES" */
export const TPML_DIGEST_VALUES = tpml("TPML_DIGEST_VALUES", TPMT_HA, "HASH_COUNT");
export type TPML_DIGEST_VALUES = TypeOf<typeof TPML_DIGEST_VALUES>;

/** @spec Part 2, "TPML_PCR_SELECTION" */
export const TPML_PCR_SELECTION = tpml("TPML_PCR_SELECTION", TPMS_PCR_SELECTION, "HASH_COUNT");
export type TPML_PCR_SELECTION = TypeOf<typeof TPML_PCR_SELECTION>;

/** @spec Part 2, "TPML_ALG_PROPERTY" */
export const TPML_ALG_PROPERTY = tpml("TPML_ALG_PROPERTY", TPMS_ALG_PROPERTY, "MAX_CAP_ALGS");
export type TPML_ALG_PROPERTY = TypeOf<typeof TPML_ALG_PROPERTY>;

/** @spec Part 2, "TPML_TAGGED_TPM_PROPERTY" */
export const TPML_TAGGED_TPM_PROPERTY = tpml("TPML_TAGGED_TPM_PROPERTY", TPMS_TAGGED_PROPERTY, "MAX_TPM_PROPERTIES");
export type TPML_TAGGED_TPM_PROPERTY = TypeOf<typeof TPML_TAGGED_TPM_PROPERTY>;

/** @spec Part 2, "TPML_TAGGED_PCR_PROPERTY" */
export const TPML_TAGGED_PCR_PROPERTY = tpml("TPML_TAGGED_PCR_PROPERTY", TPMS_TAGGED_PCR_SELECT, "MAX_PCR_PROPERTIES");
export type TPML_TAGGED_PCR_PROPERTY = TypeOf<typeof TPML_TAGGED_PCR_PROPERTY>;

/** @spec Part 2, "TPML_ECC_CURVE" */
export const TPML_ECC_CURVE = tpml("TPML_ECC_CURVE", TPM_ECC_CURVE_ID, "MAX_ECC_CURVES");
export type TPML_ECC_CURVE = TypeOf<typeof TPML_ECC_CURVE>;

/** @spec Part 2, "TPML_TAGGED_POLICY" */
export const TPML_TAGGED_POLICY = tpml("TPML_TAGGED_POLICY", TPMS_TAGGED_POLICY, "MAX_TAGGED_POLICIES");
export type TPML_TAGGED_POLICY = TypeOf<typeof TPML_TAGGED_POLICY>;

/** @spec Part 2, "TPML_ACT_DATA" */
export const TPML_ACT_DATA = tpml("TPML_ACT_DATA", TPMS_ACT_DATA, "MAX_ACT_DATA");
export type TPML_ACT_DATA = TypeOf<typeof TPML_ACT_DATA>;

/** @spec Part 2, "TPML_SPDM_SESSION_INFO" */
export const TPML_SPDM_SESSION_INFO = tpml("TPML_SPDM_SESSION_INFO", TPMS_SPDM_SESSION_INFO, "MAX_SPDM_SESS_INFO");
export type TPML_SPDM_SESSION_INFO = TypeOf<typeof TPML_SPDM_SESSION_INFO>;

/** @spec Part 2, "TPML_VENDOR_PROPERTY" */
export const TPML_VENDOR_PROPERTY = tpml("TPML_VENDOR_PROPERTY", TPM2B_VENDOR_PROPERTY, "MAX_VENDOR_PROPERTY");
export type TPML_VENDOR_PROPERTY = TypeOf<typeof TPML_VENDOR_PROPERTY>;
