import { equalBytesConstantTime } from "@vtpm/crypto";
import { authorized, defineCommand } from "../../dispatch/command.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_ST } from "../../spec/constants.ts";
import { TPM_RC } from "../../spec/response-codes.ts";
import {
  TPM2B_ATTEST,
  TPM2B_DATA,
  TPM2B_DIGEST,
  TPMI_DH_OBJECT,
  TPMI_DH_OBJECT_NULLABLE,
  TPMT_SIG_SCHEME_NULLABLE,
  TPMT_SIGNATURE_NULLABLE,
  TPMT_TK_CREATION,
} from "../../spec/structures/index.ts";
import { attest, signerOf } from "../../subsystems/attestation.ts";
import { creationTicket as ticketFor } from "../../subsystems/tickets.ts";

/**
 * Attests with which creation data this TPM has created an object.
 *
 * @spec Part 3, "TPM2_CertifyCreation"
 * @rc KEY (signHandle)         not a signing key
 * @rc SCHEME (inScheme)        not a scheme that the key signs with
 * @rc TICKET (creationTicket)  not from this TPM for this object and creation hash
 * @rc VALUE                    ECDAA: the count is not that of an open commitment
 * @rc FW_LIMITED  the ticket's hierarchy is limited to a firmware that the platform tells nothing of
 * @rc SVN_LIMITED  the ticket's hierarchy is limited to an SVN that the firmware does not have
 * @rc NO_RESULT  SM2: the one private key that cannot sign
 * @rc FAILURE  RSA: numbers that are no key
 * @rc HASH  the profile does not sign with SHA-1
 * @rc KEY_SIZE  an HMAC key shorter than the profile demands
 */
export const CertifyCreation = defineCommand({
  code: TPM_CC.CertifyCreation,
  handles: { signHandle: authorized(TPMI_DH_OBJECT_NULLABLE, "USER"), objectHandle: TPMI_DH_OBJECT },
  parameters: {
    qualifyingData: TPM2B_DATA,
    creationHash: TPM2B_DIGEST,
    inScheme: TPMT_SIG_SCHEME_NULLABLE,
    creationTicket: TPMT_TK_CREATION,
  },
  response: { certifyInfo: TPM2B_ATTEST, signature: TPMT_SIGNATURE_NULLABLE },
  execute(tpm, { signHandle, objectHandle, qualifyingData, creationHash, inScheme, creationTicket }, at) {
    const signer = signerOf(tpm, signHandle, inScheme, at);
    const objectName = tpm.entities.nameOf(objectHandle);
    const expected = ticketFor(tpm, creationTicket.hierarchy, objectName, creationHash);
    if (!equalBytesConstantTime(expected.digest, creationTicket.digest)) throw at("creationTicket", TPM_RC.TICKET);
    const { attest: certifyInfo, signature } = attest(tpm, signer, qualifyingData, {
      type: TPM_ST.ATTEST_CREATION,
      attested: { objectName, creationHash },
    });
    return { certifyInfo, signature };
  },
});
