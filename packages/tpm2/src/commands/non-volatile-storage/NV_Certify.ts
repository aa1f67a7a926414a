import { EMPTY, UINT16 } from "@vtpm/wire";
import { authorized, defineCommand } from "../../dispatch/command.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_ST } from "../../spec/constants.ts";
import { TPM_RC } from "../../spec/response-codes.ts";
import {
  TPM2B_ATTEST,
  TPM2B_DATA,
  TPMI_DH_OBJECT_NULLABLE,
  TPMI_RH_NV_AUTH,
  TPMI_RH_NV_INDEX,
  TPMT_SIG_SCHEME_NULLABLE,
  TPMT_SIGNATURE_NULLABLE,
} from "../../spec/structures/index.ts";
import { TpmError } from "../../spec/tpm-error.ts";
import { attest, type Statement, signerOf } from "../../subsystems/attestation.ts";
import { hashNameOf } from "../../subsystems/hash-algorithms.ts";

/**
 * Attests a part of an NV Index or, asked for nothing at the very beginning, the digest of all of it.
 *
 * @spec Part 3, "TPM2_NV_Certify"
 * @rc KEY (signHandle)   not a signing key
 * @rc SCHEME (inScheme)  not a scheme that the key signs with
 * @rc NV_LOCKED          the Index is locked for reading
 * @rc NV_AUTHORIZATION   who authorizes may not read it
 * @rc NV_UNINITIALIZED   nothing has been written yet
 * @rc NV_RANGE           the part reaches past the end of the Index
 * @rc VALUE (size)       more than fits an attestation
 * @rc VALUE              ECDAA: the count is not that of an open commitment
 * @rc NO_RESULT  SM2: the one private key that cannot sign
 * @rc FAILURE  RSA: numbers that are no key
 * @rc HASH  the profile does not sign with SHA-1
 * @rc KEY_SIZE  an HMAC key shorter than the profile demands
 */
export const NV_Certify = defineCommand({
  code: TPM_CC.NV_Certify,
  handles: {
    signHandle: authorized(TPMI_DH_OBJECT_NULLABLE, "USER"),
    authHandle: authorized(TPMI_RH_NV_AUTH, "USER"),
    nvIndex: TPMI_RH_NV_INDEX,
  },
  parameters: { qualifyingData: TPM2B_DATA, inScheme: TPMT_SIG_SCHEME_NULLABLE, size: UINT16, offset: UINT16 },
  response: { certifyInfo: TPM2B_ATTEST, signature: TPMT_SIGNATURE_NULLABLE },
  execute(tpm, { signHandle, authHandle, nvIndex, qualifyingData, inScheme, size, offset }, at) {
    const signer = signerOf(tpm, signHandle, inScheme, at);
    const { publicArea, data } = tpm.nv.forRead(nvIndex, authHandle);
    if (size + offset > publicArea.dataSize) throw new TpmError(TPM_RC.NV_RANGE);
    if (size > tpm.profile.limit("MAX_NV_BUFFER_SIZE")) throw at("size", TPM_RC.VALUE);
    const indexName = tpm.nv.nameOf(nvIndex);
    // Without a signer there is no hash either, and the digest is empty.
    const nvDigest = signer === undefined ? EMPTY : tpm.crypto.hash(hashNameOf(signer.scheme.details.hashAlg), data);
    const statement: Statement =
      size === 0 && offset === 0
        ? { type: TPM_ST.ATTEST_NV_DIGEST, attested: { indexName, nvDigest } }
        : { type: TPM_ST.ATTEST_NV, attested: { indexName, offset, nvContents: data.slice(offset, offset + size) } };
    const { attest: certifyInfo, signature } = attest(tpm, signer, qualifyingData, statement);
    return { certifyInfo, signature };
  },
});
