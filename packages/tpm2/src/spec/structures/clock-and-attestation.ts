import { struct, type TypeOf, UINT16, UINT32, UINT64, union } from "@vtpm/wire";
import { TPMA_SESSION } from "../attributes.ts";
import { TPM_ST } from "../constants.ts";
import {
  TPM2B_AUTH,
  TPM2B_DATA,
  TPM2B_DIGEST,
  TPM2B_MAX_NV_BUFFER,
  TPM2B_NAME,
  TPM2B_NONCE,
  TPML_PCR_SELECTION,
} from "./base-structures.ts";
import { TPM_ALG_ID, TPM_GENERATED } from "./constant-types.ts";
import { tpm2b } from "./declare.ts";
import { TPMI_SH_AUTH_SESSION_PW, TPMI_ST_ATTEST, TPMI_YES_NO } from "./interface-types.ts";

/** @spec Part 2, "TPMS_CLOCK_INFO" */
export const TPMS_CLOCK_INFO = struct("TPMS_CLOCK_INFO", {
  clock: UINT64,
  resetCount: UINT32,
  restartCount: UINT32,
  safe: TPMI_YES_NO,
});
export type TPMS_CLOCK_INFO = TypeOf<typeof TPMS_CLOCK_INFO>;

/** @spec Part 2, "TPMS_TIME_INFO" */
export const TPMS_TIME_INFO = struct("TPMS_TIME_INFO", { time: UINT64, clockInfo: TPMS_CLOCK_INFO });
export type TPMS_TIME_INFO = TypeOf<typeof TPMS_TIME_INFO>;

/** @spec Part 2, "TPMS_TIME_ATTEST_INFO" */
export const TPMS_TIME_ATTEST_INFO = struct("TPMS_TIME_ATTEST_INFO", { time: TPMS_TIME_INFO, firmwareVersion: UINT64 });
export type TPMS_TIME_ATTEST_INFO = TypeOf<typeof TPMS_TIME_ATTEST_INFO>;

/** @spec Part 2, "TPMS_CERTIFY_INFO" */
export const TPMS_CERTIFY_INFO = struct("TPMS_CERTIFY_INFO", { name: TPM2B_NAME, qualifiedName: TPM2B_NAME });
export type TPMS_CERTIFY_INFO = TypeOf<typeof TPMS_CERTIFY_INFO>;

/** @spec Part 2, "TPMS_QUOTE_INFO" */
export const TPMS_QUOTE_INFO = struct("TPMS_QUOTE_INFO", { pcrSelect: TPML_PCR_SELECTION, pcrDigest: TPM2B_DIGEST });
export type TPMS_QUOTE_INFO = TypeOf<typeof TPMS_QUOTE_INFO>;

/** @spec Part 2, "TPMS_COMMAND_AUDIT_INFO" */
export const TPMS_COMMAND_AUDIT_INFO = struct("TPMS_COMMAND_AUDIT_INFO", {
  auditCounter: UINT64,
  digestAlg: TPM_ALG_ID,
  auditDigest: TPM2B_DIGEST,
  commandDigest: TPM2B_DIGEST,
});
export type TPMS_COMMAND_AUDIT_INFO = TypeOf<typeof TPMS_COMMAND_AUDIT_INFO>;

/** @spec Part 2, "TPMS_SESSION_AUDIT_INFO" */
export const TPMS_SESSION_AUDIT_INFO = struct("TPMS_SESSION_AUDIT_INFO", {
  exclusiveSession: TPMI_YES_NO,
  sessionDigest: TPM2B_DIGEST,
});
export type TPMS_SESSION_AUDIT_INFO = TypeOf<typeof TPMS_SESSION_AUDIT_INFO>;

/** @spec Part 2, "TPMS_CREATION_INFO" */
export const TPMS_CREATION_INFO = struct("TPMS_CREATION_INFO", { objectName: TPM2B_NAME, creationHash: TPM2B_DIGEST });
export type TPMS_CREATION_INFO = TypeOf<typeof TPMS_CREATION_INFO>;

/** @spec Part 2, "TPMS_NV_CERTIFY_INFO" */
export const TPMS_NV_CERTIFY_INFO = struct("TPMS_NV_CERTIFY_INFO", {
  indexName: TPM2B_NAME,
  offset: UINT16,
  nvContents: TPM2B_MAX_NV_BUFFER,
});
export type TPMS_NV_CERTIFY_INFO = TypeOf<typeof TPMS_NV_CERTIFY_INFO>;

/** @spec Part 2, "TPMS_NV_DIGEST_CERTIFY_INFO" */
export const TPMS_NV_DIGEST_CERTIFY_INFO = struct("TPMS_NV_DIGEST_CERTIFY_INFO", {
  indexName: TPM2B_NAME,
  nvDigest: TPM2B_DIGEST,
});
export type TPMS_NV_DIGEST_CERTIFY_INFO = TypeOf<typeof TPMS_NV_DIGEST_CERTIFY_INFO>;

/**
 * What an attestation key signs.
 *
 * @spec Part 2, "TPMS_ATTEST"
 */
export const TPMS_ATTEST = union(
  "TPMS_ATTEST",
  {
    magic: TPM_GENERATED,
    type: TPMI_ST_ATTEST,
    qualifiedSigner: TPM2B_NAME,
    extraData: TPM2B_DATA,
    clockInfo: TPMS_CLOCK_INFO,
    firmwareVersion: UINT64,
  },
  "type",
  {
    [TPM_ST.ATTEST_CERTIFY]: { attested: TPMS_CERTIFY_INFO },
    [TPM_ST.ATTEST_CREATION]: { attested: TPMS_CREATION_INFO },
    [TPM_ST.ATTEST_QUOTE]: { attested: TPMS_QUOTE_INFO },
    [TPM_ST.ATTEST_COMMAND_AUDIT]: { attested: TPMS_COMMAND_AUDIT_INFO },
    [TPM_ST.ATTEST_SESSION_AUDIT]: { attested: TPMS_SESSION_AUDIT_INFO },
    [TPM_ST.ATTEST_TIME]: { attested: TPMS_TIME_ATTEST_INFO },
    [TPM_ST.ATTEST_NV]: { attested: TPMS_NV_CERTIFY_INFO },
    [TPM_ST.ATTEST_NV_DIGEST]: { attested: TPMS_NV_DIGEST_CERTIFY_INFO },
  },
);
export type TPMS_ATTEST = TypeOf<typeof TPMS_ATTEST>;

/**
 * An encoded TPMS_ATTEST; bytes, because what is signed and sent must stay the very same.
 *
 * @spec Part 2, "TPM2B_ATTEST"
 */
export const TPM2B_ATTEST = tpm2b("TPM2B_ATTEST", "MAX_ATTEST_SIZE");
export type TPM2B_ATTEST = TypeOf<typeof TPM2B_ATTEST>;

/** @spec Part 2, "TPMS_AUTH_COMMAND" */
export const TPMS_AUTH_COMMAND = struct("TPMS_AUTH_COMMAND", {
  sessionHandle: TPMI_SH_AUTH_SESSION_PW,
  nonce: TPM2B_NONCE,
  sessionAttributes: TPMA_SESSION,
  hmac: TPM2B_AUTH,
});
export type TPMS_AUTH_COMMAND = TypeOf<typeof TPMS_AUTH_COMMAND>;

/** @spec Part 2, "TPMS_AUTH_RESPONSE" */
export const TPMS_AUTH_RESPONSE = struct("TPMS_AUTH_RESPONSE", {
  nonce: TPM2B_NONCE,
  sessionAttributes: TPMA_SESSION,
  hmac: TPM2B_AUTH,
});
export type TPMS_AUTH_RESPONSE = TypeOf<typeof TPMS_AUTH_RESPONSE>;
