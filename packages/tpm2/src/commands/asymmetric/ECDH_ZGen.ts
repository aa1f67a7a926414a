import { authorized, defineCommand } from "../../dispatch/command.ts";
import { TPMA_OBJECT } from "../../spec/attributes.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_ALG } from "../../spec/constants.ts";
import { TPM_RC } from "../../spec/response-codes.ts";
import { TPM2B_ECC_POINT, TPMI_DH_OBJECT } from "../../spec/structures/index.ts";
import { TpmError } from "../../spec/tpm-error.ts";
import { curveOf, pointOnCurve, pointToBytes } from "../../subsystems/curves.ts";
import { eccPrivateKeyOf } from "../../subsystems/keys/ecc-key.ts";

/**
 * Computes the point that a loaded key shares with another party's.
 *
 * @spec Part 3, "TPM2_ECDH_ZGen"
 * @rc KEY (keyHandle)         not an ECC key
 * @rc ATTRIBUTES (keyHandle)  the key is restricted, or not for decryption
 * @rc SCHEME (keyHandle)      the key is for another scheme
 * @rc ECC_POINT (inPoint)     not on the curve of the key
 * @rc NO_RESULT               the shared point is at infinity
 */
export const ECDH_ZGen = defineCommand({
  code: TPM_CC.ECDH_ZGen,
  handles: { keyHandle: authorized(TPMI_DH_OBJECT, "USER") },
  parameters: { inPoint: TPM2B_ECC_POINT },
  response: { outPoint: TPM2B_ECC_POINT },
  execute(tpm, { keyHandle, inPoint }, at) {
    const key = tpm.objects.findKey(keyHandle);
    if (key?.publicArea.type !== TPM_ALG.ECC) throw at("keyHandle", TPM_RC.KEY);
    const { objectAttributes, parameters } = key.publicArea;
    if (TPMA_OBJECT.has(objectAttributes, "restricted") || !TPMA_OBJECT.has(objectAttributes, "decrypt")) {
      throw at("keyHandle", TPM_RC.ATTRIBUTES);
    }
    const { scheme } = parameters.scheme;
    if (scheme !== TPM_ALG.ECDH && scheme !== TPM_ALG.NULL) throw at("keyHandle", TPM_RC.SCHEME);
    const curve = curveOf(parameters.curveID);
    const point = pointOnCurve(curve, inPoint);
    if (point === undefined) throw at("inPoint", TPM_RC.ECC_POINT);
    const shared = tpm.crypto.multiply(curve.name, point, eccPrivateKeyOf(key));
    if (shared === undefined) throw new TpmError(TPM_RC.NO_RESULT);
    return { outPoint: pointToBytes(curve, shared) };
  },
});
