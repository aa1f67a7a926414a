import { authorized, defineCommand } from "../../dispatch/command.ts";
import { TPMA_OBJECT } from "../../spec/attributes.ts";
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
import { eccDecrypt, selectKdf } from "../../subsystems/ecc-encryption.ts";
import { eccPrivateKeyOf } from "../../subsystems/keys/ecc-key.ts";

/**
 * Decrypts what TPM2_ECC_Encrypt has made.
 *
 * @spec Part 3, "TPM2_ECC_Decrypt"
 * @rc KEY (keyHandle)         not an ECC key
 * @rc ATTRIBUTES (keyHandle)  the key is restricted, or not for decryption
 * @rc SCHEME (inScheme)       not the derivation scheme of the key, or none
 * @rc SCHEME                  not KDF2
 * @rc VALUE                   C1 is not on the curve, or the digest is wrong
 */
export const ECC_Decrypt = defineCommand({
  code: TPM_CC.ECC_Decrypt,
  handles: { keyHandle: authorized(TPMI_DH_OBJECT, "USER") },
  parameters: {
    C1: TPM2B_ECC_POINT,
    C2: TPM2B_MAX_BUFFER,
    C3: TPM2B_DIGEST,
    inScheme: TPMT_KDF_SCHEME_NULLABLE,
  },
  response: { plainText: TPM2B_MAX_BUFFER },
  execute(tpm, { keyHandle, C1, C2, C3, inScheme }, at) {
    const key = tpm.objects.findKey(keyHandle);
    if (key?.publicArea.type !== TPM_ALG.ECC) throw at("keyHandle", TPM_RC.KEY);
    const { objectAttributes, parameters } = key.publicArea;
    if (TPMA_OBJECT.has(objectAttributes, "restricted") || !TPMA_OBJECT.has(objectAttributes, "decrypt")) {
      throw at("keyHandle", TPM_RC.ATTRIBUTES);
    }
    const kdf = selectKdf(key.publicArea, inScheme);
    if (kdf === undefined) throw at("inScheme", TPM_RC.SCHEME);
    if (kdf.scheme !== TPM_ALG.KDF2) throw new TpmError(TPM_RC.SCHEME);
    const curve = curveOf(parameters.curveID);
    const point = pointOnCurve(curve, C1);
    if (point === undefined) throw new TpmError(TPM_RC.VALUE);
    const d = eccPrivateKeyOf(key);
    const plainText = eccDecrypt(tpm, curve, d, kdf.details.hashAlg, point, C2, C3);
    if (plainText === undefined) throw new TpmError(TPM_RC.VALUE);
    return { plainText };
  },
});
