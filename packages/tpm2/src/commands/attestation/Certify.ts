import { EMPTY } from "@vtpm/wire";
import { authorized, defineCommand } from "../../dispatch/command.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_ST } from "../../spec/constants.ts";
import {
  TPM2B_ATTEST,
  TPM2B_DATA,
  TPMI_DH_OBJECT,
  TPMI_DH_OBJECT_NULLABLE,
  TPMT_SIG_SCHEME_NULLABLE,
  TPMT_SIGNATURE_NULLABLE,
} from "../../spec/structures/index.ts";
import { attest, hidesSigner, signerOf } from "../../subsystems/attestation.ts";

/**
 * Attests that an object is loaded in this TPM.
 *
 * @spec Part 3, "TPM2_Certify"
 * @rc KEY (signHandle)   not a signing key
 * @rc SCHEME (inScheme)  not a scheme that the key signs with
 * @rc VALUE              ECDAA: the count is not that of an open commitment
 * @rc NO_RESULT  SM2: the one private key that cannot sign
 * @rc FAILURE  RSA: numbers that are no key
 * @rc HASH  the profile does not sign with SHA-1
 * @rc KEY_SIZE  an HMAC key shorter than the profile demands
 */
export const Certify = defineCommand({
  code: TPM_CC.Certify,
  handles: {
    objectHandle: authorized(TPMI_DH_OBJECT, "ADMIN"),
    signHandle: authorized(TPMI_DH_OBJECT_NULLABLE, "USER"),
  },
  parameters: { qualifyingData: TPM2B_DATA, inScheme: TPMT_SIG_SCHEME_NULLABLE },
  response: { certifyInfo: TPM2B_ATTEST, signature: TPMT_SIGNATURE_NULLABLE },
  execute(tpm, { objectHandle, signHandle, qualifyingData, inScheme }, at) {
    const signer = signerOf(tpm, signHandle, inScheme, at);
    // A sequence has no Name.
    const object = tpm.objects.findKey(objectHandle);
    const name = object?.name ?? EMPTY;
    const qualifiedName = hidesSigner(signer) ? EMPTY : (object?.qualifiedName ?? EMPTY);
    const { attest: certifyInfo, signature } = attest(tpm, signer, qualifyingData, {
      type: TPM_ST.ATTEST_CERTIFY,
      attested: { name, qualifiedName },
    });
    return { certifyInfo, signature };
  },
});
