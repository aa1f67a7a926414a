import { authorized, defineCommand } from "../../dispatch/command.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { NO, TPM_ST, YES } from "../../spec/constants.ts";
import { TPM_RC } from "../../spec/response-codes.ts";
import {
  TPM2B_ATTEST,
  TPM2B_DATA,
  TPMI_DH_OBJECT_NULLABLE,
  TPMI_RH_ENDORSEMENT,
  TPMI_SH_HMAC,
  TPMT_SIG_SCHEME_NULLABLE,
  TPMT_SIGNATURE_NULLABLE,
} from "../../spec/structures/index.ts";
import { SESSION_ATTRIBUTES } from "../../state/session.ts";
import { attest, signerOf } from "../../subsystems/attestation.ts";

/**
 * Attests the audit digest of a session.
 *
 * @spec Part 3, "TPM2_GetSessionAuditDigest"
 * @rc KEY (signHandle)      not a signing key
 * @rc SCHEME (inScheme)     not a scheme that the key signs with
 * @rc TYPE (sessionHandle)  the session audits nothing
 * @rc VALUE                 ECDAA: the count is not that of an open commitment
 * @rc NO_RESULT  SM2: the one private key that cannot sign
 * @rc FAILURE  RSA: numbers that are no key
 * @rc HASH  the profile does not sign with SHA-1
 * @rc KEY_SIZE  an HMAC key shorter than the profile demands
 */
export const GetSessionAuditDigest = defineCommand({
  code: TPM_CC.GetSessionAuditDigest,
  handles: {
    privacyAdminHandle: authorized(TPMI_RH_ENDORSEMENT, "USER"),
    signHandle: authorized(TPMI_DH_OBJECT_NULLABLE, "USER"),
    sessionHandle: TPMI_SH_HMAC,
  },
  parameters: { qualifyingData: TPM2B_DATA, inScheme: TPMT_SIG_SCHEME_NULLABLE },
  response: { auditInfo: TPM2B_ATTEST, signature: TPMT_SIGNATURE_NULLABLE },
  execute(tpm, { signHandle, sessionHandle, qualifyingData, inScheme }, at) {
    const signer = signerOf(tpm, signHandle, inScheme, at);
    const session = tpm.sessions.get(sessionHandle);
    if (!SESSION_ATTRIBUTES.has(session.attributes, "isAudit")) throw at("sessionHandle", TPM_RC.TYPE);
    const { attest: auditInfo, signature } = attest(tpm, signer, qualifyingData, {
      type: TPM_ST.ATTEST_SESSION_AUDIT,
      attested: {
        exclusiveSession: tpm.ram.exclusiveAuditSession === sessionHandle ? YES : NO,
        sessionDigest: session.digest,
      },
    });
    return { auditInfo, signature };
  },
});
