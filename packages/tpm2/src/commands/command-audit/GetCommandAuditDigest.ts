import { EMPTY } from "@vtpm/wire";
import { authorized, defineCommand } from "../../dispatch/command.ts";
import { uint32 } from "../../integer-bytes.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_ST } from "../../spec/constants.ts";
import {
  TPM2B_ATTEST,
  TPM2B_DATA,
  TPMI_DH_OBJECT_NULLABLE,
  TPMI_RH_ENDORSEMENT,
  TPMT_SIG_SCHEME_NULLABLE,
  TPMT_SIGNATURE_NULLABLE,
} from "../../spec/structures/index.ts";
import { attest, signerOf } from "../../subsystems/attestation.ts";
import { hashNameOf } from "../../subsystems/hash-algorithms.ts";

/**
 * Attests the command audit digest and which commands it is about. When it is signed, the next audited command begins a new
 * digest.
 *
 * @spec Part 3, "TPM2_GetCommandAuditDigest"
 * @rc KEY (signHandle)   not a signing key
 * @rc SCHEME (inScheme)  not a scheme that the key signs with
 * @rc VALUE              ECDAA: the count is not that of an open commitment
 * @rc NO_RESULT  SM2: the one private key that cannot sign
 * @rc FAILURE  RSA: numbers that are no key
 * @rc HASH  the profile does not sign with SHA-1
 * @rc KEY_SIZE  an HMAC key shorter than the profile demands
 */
export const GetCommandAuditDigest = defineCommand({
  code: TPM_CC.GetCommandAuditDigest,
  handles: {
    privacyHandle: authorized(TPMI_RH_ENDORSEMENT, "USER"),
    signHandle: authorized(TPMI_DH_OBJECT_NULLABLE, "USER"),
  },
  parameters: { qualifyingData: TPM2B_DATA, inScheme: TPMT_SIG_SCHEME_NULLABLE },
  response: { auditInfo: TPM2B_ATTEST, signature: TPMT_SIGNATURE_NULLABLE },
  nv: true,
  execute(tpm, { signHandle, qualifyingData, inScheme }, at) {
    const signer = signerOf(tpm, signHandle, inScheme, at);
    const { auditHashAlg: digestAlg, auditCounter, auditCommands } = tpm.persistent;
    const codes = [...auditCommands].sort((a, b) => a - b);
    const { attest: auditInfo, signature } = attest(tpm, signer, qualifyingData, {
      type: TPM_ST.ATTEST_COMMAND_AUDIT,
      attested: {
        auditCounter,
        digestAlg,
        auditDigest: tpm.stateReset.commandAuditDigest,
        commandDigest: tpm.crypto.hash(hashNameOf(digestAlg), ...codes.map(uint32)),
      },
    });
    if (signer !== undefined) tpm.changeStateReset({ commandAuditDigest: EMPTY });
    return { auditInfo, signature };
  },
});
