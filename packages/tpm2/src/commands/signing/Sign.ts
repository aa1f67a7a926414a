import { equalBytesConstantTime } from "@vtpm/crypto";
import { authorized, defineCommand } from "../../dispatch/command.ts";
import { TPMA_OBJECT } from "../../spec/attributes.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_RC } from "../../spec/response-codes.ts";
import {
  TPM2B_DIGEST,
  TPMI_DH_OBJECT,
  TPMT_SIG_SCHEME_NULLABLE,
  TPMT_SIGNATURE,
  TPMT_TK_HASHCHECK,
} from "../../spec/structures/index.ts";
import { digestSizeOf } from "../../subsystems/hash-algorithms.ts";
import { isSigningKey, selectSignScheme } from "../../subsystems/schemes.ts";
import { sign } from "../../subsystems/signatures.ts";
import { hashcheckTicket } from "../../subsystems/tickets.ts";

/**
 * Signs a digest. A restricted key only signs what a ticket shows to be the digest of foreign data.
 *
 * @spec Part 3, "TPM2_Sign"
 * @rc KEY (keyHandle)         not a signing key
 * @rc ATTRIBUTES (keyHandle)  the key signs certificates only
 * @rc SCHEME (inScheme)       not a scheme that the key signs with
 * @rc TICKET (validation)     not from this TPM for this digest
 * @rc SIZE (digest)           not the size of the scheme's hash
 * @rc VALUE                   ECDAA: the count is not that of an open commitment
 * @rc HASH                    the profile does not sign with SHA-1
 * @rc KEY_SIZE                an HMAC key shorter than the profile demands
 * @rc FW_LIMITED  the ticket's hierarchy is limited to a firmware that the platform tells nothing of
 * @rc SVN_LIMITED  the ticket's hierarchy is limited to an SVN that the firmware does not have
 * @rc NO_RESULT  SM2: the one private key that cannot sign
 * @rc FAILURE  RSA: numbers that are no key
 */
export const Sign = defineCommand({
  code: TPM_CC.Sign,
  handles: { keyHandle: authorized(TPMI_DH_OBJECT, "USER") },
  parameters: { digest: TPM2B_DIGEST, inScheme: TPMT_SIG_SCHEME_NULLABLE, validation: TPMT_TK_HASHCHECK },
  response: { signature: TPMT_SIGNATURE },
  execute(tpm, { keyHandle, digest, inScheme, validation }, at) {
    const key = tpm.objects.findKey(keyHandle);
    if (key === undefined || !isSigningKey(key.publicArea)) throw at("keyHandle", TPM_RC.KEY);
    const { objectAttributes } = key.publicArea;
    if (TPMA_OBJECT.has(objectAttributes, "x509sign")) throw at("keyHandle", TPM_RC.ATTRIBUTES);
    const scheme = selectSignScheme(key.publicArea, inScheme);
    if (scheme === undefined) throw at("inScheme", TPM_RC.SCHEME);

    const { hashAlg } = scheme.details;
    if (validation.digest.length !== 0 || TPMA_OBJECT.has(objectAttributes, "restricted")) {
      const expected = hashcheckTicket(tpm, validation.hierarchy, hashAlg, digest);
      if (!equalBytesConstantTime(expected.digest, validation.digest)) throw at("validation", TPM_RC.TICKET);
    } else if (digest.length !== digestSizeOf(hashAlg)) {
      throw at("digest", TPM_RC.SIZE);
    }
    return { signature: sign(tpm, key, scheme, digest) };
  },
});
