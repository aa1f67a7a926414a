import type { Bytes } from "@vtpm/wire";
import type { At } from "../../dispatch/command.ts";
import type { Engine } from "../../engine.ts";
import { TPMA_OBJECT } from "../../spec/attributes.ts";
import { TPM_ALG } from "../../spec/constants.ts";
import { TPM_RC } from "../../spec/response-codes.ts";
import { cipherOf, modeOf } from "../../subsystems/ciphers.ts";

/** What TPM2_EncryptDecrypt and TPM2_EncryptDecrypt2 have in common: all but the order of their parameters. */
export interface BlockCipherInput {
  readonly keyHandle: number;
  readonly decrypt: number;
  readonly mode: number;
  readonly ivIn: Bytes;
  readonly inData: Bytes;
}

/**
 * Encrypts or decrypts with a symmetric key, as a part of a longer text.
 *
 * @rc KEY (keyHandle)         not a symmetric key
 * @rc ATTRIBUTES (keyHandle)  the key is restricted, or not for this direction
 * @rc MODE (keyHandle)        the key is for MACs
 * @rc MODE (mode)             not the mode of the key, or none
 * @rc SIZE (ivIn)             neither a block, nor nothing for ECB
 * @rc SIZE (inData)           CBC, ECB: not whole blocks
 */
export function encryptDecrypt(
  tpm: Engine,
  { keyHandle, decrypt, mode, ivIn, inData }: BlockCipherInput,
  at: At<keyof BlockCipherInput>,
): { outData: Bytes; ivOut: Bytes } {
  const key = tpm.objects.findKey(keyHandle);
  if (key?.publicArea.type !== TPM_ALG.SYMCIPHER) throw at("keyHandle", TPM_RC.KEY);
  const { objectAttributes, parameters } = key.publicArea;
  const allows = TPMA_OBJECT.has(objectAttributes, decrypt === 1 ? "decrypt" : "sign");
  if (TPMA_OBJECT.has(objectAttributes, "restricted") || !allows) throw at("keyHandle", TPM_RC.ATTRIBUTES);

  const own = parameters.sym.mode;
  if (own !== TPM_ALG.NULL) {
    if (modeOf(own) === undefined) throw at("keyHandle", TPM_RC.MODE);
    if (mode !== TPM_ALG.NULL && mode !== own) throw at("mode", TPM_RC.MODE);
  }
  const chosen = modeOf(own === TPM_ALG.NULL ? mode : own);
  if (chosen === undefined) throw at("mode", TPM_RC.MODE);

  const { name, blockSize } = cipherOf(parameters.sym.algorithm);
  if (ivIn.length !== (chosen === "ECB" ? 0 : blockSize)) throw at("ivIn", TPM_RC.SIZE);
  const inBlocks = chosen === "CBC" || chosen === "ECB";
  if (inBlocks && inData.length % blockSize !== 0) throw at("inData", TPM_RC.SIZE);

  const { sensitive } = key;
  if (sensitive?.sensitiveType !== TPM_ALG.SYMCIPHER) throw new RangeError("the symmetric key has no private part");
  const { data, iv } = tpm.crypto[decrypt === 1 ? "decrypt" : "encrypt"](
    name,
    chosen,
    sensitive.sensitive,
    ivIn,
    inData,
  );
  return { outData: data, ivOut: iv };
}
