import { defineCommand } from "../../dispatch/command.ts";
import { TPMA_OBJECT } from "../../spec/attributes.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_ALG } from "../../spec/constants.ts";
import { TPM_RC } from "../../spec/response-codes.ts";
import {
  TPM2B_DATA,
  TPM2B_PUBLIC_KEY_RSA,
  TPMI_DH_OBJECT,
  TPMT_RSA_DECRYPT_NULLABLE,
} from "../../spec/structures/index.ts";
import { isLabel, rsaEncrypt, selectPadding } from "../../subsystems/rsa-encryption.ts";

/**
 * Encrypts with the public part of an RSA key.
 *
 * @spec Part 3, "TPM2_RSA_Encrypt"
 * @rc KEY (keyHandle)         not an RSA key
 * @rc ATTRIBUTES (keyHandle)  the key is not for decryption
 * @rc VALUE (label)           the label does not end with a NUL
 * @rc SCHEME (inScheme)       not the padding of the key
 * @rc VALUE                   no padding, and the message is longer than the modulus
 * @rc FAILURE                 the message does not fit with its padding, or without one is not below the modulus
 * @rc SCHEME                  the scheme of the key is for signing
 */
export const RSA_Encrypt = defineCommand({
  code: TPM_CC.RSA_Encrypt,
  handles: { keyHandle: TPMI_DH_OBJECT },
  parameters: { message: TPM2B_PUBLIC_KEY_RSA, inScheme: TPMT_RSA_DECRYPT_NULLABLE, label: TPM2B_DATA },
  response: { outData: TPM2B_PUBLIC_KEY_RSA },
  execute(tpm, { keyHandle, message, inScheme, label }, at) {
    const publicArea = tpm.objects.findKey(keyHandle)?.publicArea;
    if (publicArea?.type !== TPM_ALG.RSA) throw at("keyHandle", TPM_RC.KEY);
    if (!TPMA_OBJECT.has(publicArea.objectAttributes, "decrypt")) throw at("keyHandle", TPM_RC.ATTRIBUTES);
    if (!isLabel(label)) throw at("label", TPM_RC.VALUE);
    const padding = selectPadding(publicArea, inScheme);
    if (padding === undefined) throw at("inScheme", TPM_RC.SCHEME);
    return { outData: rsaEncrypt(tpm, publicArea, padding, label, message) };
  },
});
