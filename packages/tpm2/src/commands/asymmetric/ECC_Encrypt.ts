import { defineCommand } from "../../dispatch/command.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_ALG } from "../../spec/constants.ts";
import { TPM_RC } from "../../spec/response-codes.ts";
import {
  TPM2B_DIGEST,
  TPM2B_ECC_POINT,
  TPM2B_MAX_BUFFER,
  TPMI_DH_OBJECT,
  TPMT_KDF_SCHEME_NULLABLE,
} from "../../spec/structures/index.ts";
import { TpmError } from "../../spec/tpm-error.ts";
import { curveOf, pointOnCurve } from "../../subsystems/curves.ts";
import { eccEncrypt, selectKdf } from "../../subsystems/ecc-encryption.ts";

/**
 * Encrypts with the public part of an ECC key.
 *
 * @spec Part 3, "TPM2_ECC_Encrypt"
 * @rc KEY (keyHandle)    not an ECC key
 * @rc SCHEME (inScheme)  not the derivation scheme of the key, or none
 * @rc SCHEME             not KDF2
 * @rc NO_RESULT          the public point is not on the curve
 */
export const ECC_Encrypt = defineCommand({
  code: TPM_CC.ECC_Encrypt,
  handles: { keyHandle: TPMI_DH_OBJECT },
  parameters: { plainText: TPM2B_MAX_BUFFER, inScheme: TPMT_KDF_SCHEME_NULLABLE },
  response: { C1: TPM2B_ECC_POINT, C2: TPM2B_MAX_BUFFER, C3: TPM2B_DIGEST },
  execute(tpm, { keyHandle, plainText, inScheme }, at) {
    const publicArea = tpm.objects.findKey(keyHandle)?.publicArea;
    if (publicArea?.type !== TPM_ALG.ECC) throw at("keyHandle", TPM_RC.KEY);
    const kdf = selectKdf(publicArea, inScheme);
    if (kdf === undefined) throw at("inScheme", TPM_RC.SCHEME);
    if (kdf.scheme !== TPM_ALG.KDF2) throw new TpmError(TPM_RC.SCHEME);
    const curve = curveOf(publicArea.parameters.curveID);
    const point = pointOnCurve(curve, publicArea.unique);
    if (point === undefined) throw new TpmError(TPM_RC.NO_RESULT);
    return eccEncrypt(tpm, curve, point, kdf.details.hashAlg, plainText);
  },
});
