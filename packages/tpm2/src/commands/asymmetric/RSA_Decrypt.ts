import { authorized, defineCommand } from "../../dispatch/command.ts";
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
import { isLabel, rsaDecrypt, selectPadding } from "../../subsystems/rsa-encryption.ts";

/**
 * Decrypts with an RSA key and takes the padding off.
 *
 * @spec Part 3, "TPM2_RSA_Decrypt"
 * @rc KEY (keyHandle)         not an RSA key
 * @rc ATTRIBUTES (keyHandle)  the key is restricted, or not for decryption
 * @rc VALUE (label)           the label does not end with a NUL
 * @rc SCHEME (inScheme)       not the padding of the key
 * @rc SIZE                    the cipher text does not have the size of the modulus
 * @rc VALUE                   the cipher text is not below the modulus, or its padding is wrong
 * @rc SCHEME                  the scheme of the key is for signing
 */
export const RSA_Decrypt = defineCommand({
  code: TPM_CC.RSA_Decrypt,
  handles: { keyHandle: authorized(TPMI_DH_OBJECT, "USER") },
  parameters: { cipherText: TPM2B_PUBLIC_KEY_RSA, inScheme: TPMT_RSA_DECRYPT_NULLABLE, label: TPM2B_DATA },
  response: { message: TPM2B_PUBLIC_KEY_RSA },
  execute(tpm, { keyHandle, cipherText, inScheme, label }, at) {
    const key = tpm.objects.findKey(keyHandle);
    if (key?.publicArea.type !== TPM_ALG.RSA) throw at("keyHandle", TPM_RC.KEY);
    const { objectAttributes } = key.publicArea;
    if (TPMA_OBJECT.has(objectAttributes, "restricted") || !TPMA_OBJECT.has(objectAttributes, "decrypt")) {
      throw at("keyHandle", TPM_RC.ATTRIBUTES);
    }
    if (!isLabel(label)) throw at("label", TPM_RC.VALUE);
    const padding = selectPadding(key.publicArea, inScheme);
    if (padding === undefined) throw at("inScheme", TPM_RC.SCHEME);
    return { message: rsaDecrypt(tpm, key, padding, label, cipherText) };
  },
});
