import { authorized, defineCommand } from "../../dispatch/command.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_ST } from "../../spec/constants.ts";
import { TPM_RC } from "../../spec/response-codes.ts";
import {
  TPM2B_ATTEST,
  TPM2B_DATA,
  TPMI_DH_OBJECT_NULLABLE,
  TPML_PCR_SELECTION,
  TPMT_SIG_SCHEME_NULLABLE,
  TPMT_SIGNATURE_NULLABLE,
} from "../../spec/structures/index.ts";
import { attest, signerOf } from "../../subsystems/attestation.ts";

/**
 * Attests the values of PCRs.
 *
 * @spec Part 3, "TPM2_Quote"
 * @rc KEY (signHandle)   not a signing key
 * @rc SCHEME (inScheme)  not a scheme that the key signs with; or no key, so that no hash is known
 * @rc VALUE              ECDAA: the count is not that of an open commitment
 * @rc NO_RESULT  SM2: the one private key that cannot sign
 * @rc FAILURE  RSA: numbers that are no key
 * @rc HASH  the profile does not sign with SHA-1
 * @rc KEY_SIZE  an HMAC key shorter than the profile demands
 */
export const Quote = defineCommand({
  code: TPM_CC.Quote,
  handles: { signHandle: authorized(TPMI_DH_OBJECT_NULLABLE, "USER") },
  parameters: { qualifyingData: TPM2B_DATA, inScheme: TPMT_SIG_SCHEME_NULLABLE, PCRselect: TPML_PCR_SELECTION },
  response: { quoted: TPM2B_ATTEST, signature: TPMT_SIGNATURE_NULLABLE },
  execute(tpm, { signHandle, qualifyingData, inScheme, PCRselect }, at) {
    const signer = signerOf(tpm, signHandle, inScheme, at);
    if (signer === undefined) throw at("inScheme", TPM_RC.SCHEME);
    const { digest: pcrDigest, selection: pcrSelect } = tpm.pcr.digest(PCRselect, signer.scheme.details.hashAlg);
    const { attest: quoted, signature } = attest(tpm, signer, qualifyingData, {
      type: TPM_ST.ATTEST_QUOTE,
      attested: { pcrSelect, pcrDigest },
    });
    return { quoted, signature };
  },
});
