import { authorized, defineCommand } from "../../dispatch/command.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import {
  TPM2B_IV,
  TPM2B_MAX_BUFFER,
  TPMI_ALG_CIPHER_MODE_NULLABLE,
  TPMI_DH_OBJECT,
  TPMI_YES_NO,
} from "../../spec/structures/index.ts";
import { encryptDecrypt } from "./encrypt-decrypt.ts";

/**
 * Encrypts or decrypts with a symmetric key; older than TPM2_EncryptDecrypt2, whose data a session can protect.
 *
 * @spec Part 3, "TPM2_EncryptDecrypt"
 * @rc KEY (keyHandle)         not a symmetric key
 * @rc ATTRIBUTES (keyHandle)  the key is restricted, or not for this direction
 * @rc MODE (keyHandle)        the key is for MACs
 * @rc MODE (mode)             not the mode of the key, or none
 * @rc SIZE (ivIn)             neither a block, nor nothing for ECB
 * @rc SIZE (inData)           CBC, ECB: not whole blocks
 */
export const EncryptDecrypt = defineCommand({
  code: TPM_CC.EncryptDecrypt,
  handles: { keyHandle: authorized(TPMI_DH_OBJECT, "USER") },
  parameters: {
    decrypt: TPMI_YES_NO,
    mode: TPMI_ALG_CIPHER_MODE_NULLABLE,
    ivIn: TPM2B_IV,
    inData: TPM2B_MAX_BUFFER,
  },
  response: { outData: TPM2B_MAX_BUFFER, ivOut: TPM2B_IV },
  execute: (tpm, input, at) => encryptDecrypt(tpm, input, at),
});
