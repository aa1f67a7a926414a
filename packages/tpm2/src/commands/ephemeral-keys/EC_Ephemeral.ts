import { EMPTY, UINT16 } from "@vtpm/wire";
import { defineCommand } from "../../dispatch/command.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_RC } from "../../spec/response-codes.ts";
import { TPM2B_ECC_POINT, TPMI_ECC_CURVE } from "../../spec/structures/index.ts";
import { TpmError } from "../../spec/tpm-error.ts";
import { addCommitment, nextCommitment } from "../../subsystems/commitments.ts";
import { curveOf, pointToBytes } from "../../subsystems/curves.ts";
import { refuseEccDerivation } from "../../subsystems/ecc-derivation.ts";

/**
 * Makes an ephemeral key for TPM2_ZGen_2Phase, which gets it by its counter.
 *
 * @spec Part 3, "TPM2_EC_Ephemeral"
 * @rc TYPE  the profile forbids it
 */
export const EC_Ephemeral = defineCommand({
  code: TPM_CC.EC_Ephemeral,
  parameters: { curveID: TPMI_ECC_CURVE },
  response: { Q: TPM2B_ECC_POINT, counter: UINT16 },
  execute(tpm, { curveID }) {
    refuseEccDerivation(tpm);
    const curve = curveOf(curveID);
    const Q = tpm.crypto.multiplyBase(curve.name, nextCommitment(tpm, curve.name, EMPTY));
    if (Q === undefined) throw new TpmError(TPM_RC.NO_RESULT);
    return { Q: pointToBytes(curve, Q), counter: addCommitment(tpm) };
  },
});
