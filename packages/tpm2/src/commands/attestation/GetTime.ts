import { authorized, defineCommand } from "../../dispatch/command.ts";
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
import { attest, firmwareVersionOf, signerOf } from "../../subsystems/attestation.ts";

/**
 * Attests Time and Clock. The privacy administrator has agreed, so that here boot counts and firmware version are the true
 * ones, beside those of every attestation.
 *
 * @spec Part 3, "TPM2_GetTime"
 * @rc KEY (signHandle)   not a signing key
 * @rc SCHEME (inScheme)  not a scheme that the key signs with
 * @rc VALUE              ECDAA: the count is not that of an open commitment
 * @rc NO_RESULT  SM2: the one private key that cannot sign
 * @rc FAILURE  RSA: numbers that are no key
 * @rc HASH  the profile does not sign with SHA-1
 * @rc KEY_SIZE  an HMAC key shorter than the profile demands
 */
export const GetTime = defineCommand({
  code: TPM_CC.GetTime,
  handles: {
    privacyAdminHandle: authorized(TPMI_RH_ENDORSEMENT, "USER"),
    signHandle: authorized(TPMI_DH_OBJECT_NULLABLE, "USER"),
  },
  parameters: { qualifyingData: TPM2B_DATA, inScheme: TPMT_SIG_SCHEME_NULLABLE },
  response: { timeInfo: TPM2B_ATTEST, signature: TPMT_SIGNATURE_NULLABLE },
  execute(tpm, { signHandle, qualifyingData, inScheme }, at) {
    const signer = signerOf(tpm, signHandle, inScheme, at);
    const { attest: timeInfo, signature } = attest(tpm, signer, qualifyingData, {
      type: TPM_ST.ATTEST_TIME,
      attested: { time: tpm.clock.timeInfo(), firmwareVersion: firmwareVersionOf(tpm) },
    });
    return { timeInfo, signature };
  },
});
