import { EMPTY } from "@vtpm/wire";
import { defineCommand } from "../../dispatch/command.ts";
import { TPMA_OBJECT } from "../../spec/attributes.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_ALG, TPM_ST } from "../../spec/constants.ts";
import { TPM_RH } from "../../spec/handles.ts";
import { TPM_RC } from "../../spec/response-codes.ts";
import { TPM2B_DIGEST, TPMI_DH_OBJECT, TPMT_SIGNATURE, TPMT_TK_VERIFIED } from "../../spec/structures/index.ts";
import { verifySignature } from "../../subsystems/signatures.ts";
import { verifiedTicket } from "../../subsystems/tickets.ts";

/**
 * Verifies a signature. The ticket, which TPM2_PolicyAuthorize takes, is empty for keys that belong to no hierarchy or have
 * no Name.
 *
 * @spec Part 3, "TPM2_VerifySignature"
 * @rc ATTRIBUTES (keyHandle)  not a signing key
 * @rc SCHEME (signature)      a scheme that cannot be verified, or not with this key
 * @rc HANDLE (signature)      an HMAC key of which only the public area is loaded
 * @rc SIGNATURE (signature)   is not the key's signature of the digest
 * @rc HASH (signature)        the profile does not verify with SHA-1
 * @rc KEY_SIZE (signature)    an HMAC key shorter than the profile demands
 */
export const VerifySignature = defineCommand({
  code: TPM_CC.VerifySignature,
  handles: { keyHandle: TPMI_DH_OBJECT },
  parameters: { digest: TPM2B_DIGEST, signature: TPMT_SIGNATURE },
  response: { validation: TPMT_TK_VERIFIED },
  execute(tpm, { keyHandle, digest, signature }, at) {
    const key = tpm.objects.findKey(keyHandle);
    if (key === undefined || !TPMA_OBJECT.has(key.publicArea.objectAttributes, "sign")) {
      throw at("keyHandle", TPM_RC.ATTRIBUTES);
    }
    const refusal = verifySignature(tpm, keyHandle, digest, signature);
    if (refusal !== undefined) throw at("signature", refusal);
    const hierarchy = tpm.objects.hierarchyOf(keyHandle);
    if (hierarchy === TPM_RH.NULL || key.publicArea.nameAlg === TPM_ALG.NULL) {
      return { validation: { tag: TPM_ST.VERIFIED, hierarchy: TPM_RH.NULL, digest: EMPTY } };
    }
    return { validation: verifiedTicket(tpm, hierarchy, digest, key.name) };
  },
});
