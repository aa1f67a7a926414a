import { generateEccKey } from "@vtpm/crypto";
import { defineCommand } from "../../dispatch/command.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_ALG } from "../../spec/constants.ts";
import { TPM_RC } from "../../spec/response-codes.ts";
import { TPM2B_ECC_POINT, TPMI_DH_OBJECT } from "../../spec/structures/index.ts";
import { TpmError } from "../../spec/tpm-error.ts";
import { curveOf, pointOnCurve, pointToBytes } from "../../subsystems/curves.ts";
import { randomnessOf } from "../../subsystems/randomness.ts";

/**
 * Makes an ephemeral key and the point that it shares with a loaded one.
 *
 * @spec Part 3, "TPM2_ECDH_KeyGen"
 * @rc KEY (keyHandle)  not an ECC key, or its public point is not on the curve
 */
export const ECDH_KeyGen = defineCommand({
  code: TPM_CC.ECDH_KeyGen,
  handles: { keyHandle: TPMI_DH_OBJECT },
  response: { zPoint: TPM2B_ECC_POINT, pubPoint: TPM2B_ECC_POINT },
  execute(tpm, { keyHandle }, at) {
    const publicArea = tpm.objects.findKey(keyHandle)?.publicArea;
    if (publicArea?.type !== TPM_ALG.ECC) throw at("keyHandle", TPM_RC.KEY);
    const curve = curveOf(publicArea.parameters.curveID);
    const point = pointOnCurve(curve, publicArea.unique);
    if (point === undefined) throw at("keyHandle", TPM_RC.KEY);
    const { d, Q } = generateEccKey(tpm.crypto, curve.name, randomnessOf(tpm));
    const shared = tpm.crypto.multiply(curve.name, point, d);
    if (shared === undefined) throw new TpmError(TPM_RC.NO_RESULT);
    return { zPoint: pointToBytes(curve, shared), pubPoint: pointToBytes(curve, Q) };
  },
});
