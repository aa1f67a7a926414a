import { authorized, defineCommand } from "../../dispatch/command.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_RC } from "../../spec/response-codes.ts";
import { TPM2B_DIGEST, TPMI_DH_PCR } from "../../spec/structures/index.ts";
import { TpmError } from "../../spec/tpm-error.ts";
import { withoutTrailingZeros } from "../../subsystems/entities.ts";

/**
 * Sets the authValue of the group that a PCR belongs to.
 *
 * @spec Part 3, "TPM2_PCR_SetAuthValue"
 * @rc VALUE  the PCR belongs to no group that can have an authValue
 */
export const PCR_SetAuthValue = defineCommand({
  code: TPM_CC.PCR_SetAuthValue,
  handles: { pcrHandle: authorized(TPMI_DH_PCR, "USER") },
  parameters: { auth: TPM2B_DIGEST },
  execute(tpm, { pcrHandle, auth }) {
    if (!tpm.pcr.hasAuthValue(pcrHandle)) throw new TpmError(TPM_RC.VALUE);
    tpm.clearOrderly();
    tpm.changeStateClear({ pcrAuthValue: withoutTrailingZeros(auth) });
  },
});
