import { authorized, defineCommand } from "../../dispatch/command.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_RC } from "../../spec/response-codes.ts";
import { TPM2B_AUTH, TPMI_RH_NV_DEFINED_INDEX } from "../../spec/structures/index.ts";
import { withoutTrailingZeros } from "../../subsystems/entities.ts";
import { digestSizeOf } from "../../subsystems/hash-algorithms.ts";

/**
 * Changes the authValue of an NV Index, as its policy allows.
 *
 * @spec Part 3, "TPM2_NV_ChangeAuth"
 * @rc SIZE (newAuth)  longer than a digest of the nameAlg
 */
export const NV_ChangeAuth = defineCommand({
  code: TPM_CC.NV_ChangeAuth,
  handles: { nvIndex: authorized(TPMI_RH_NV_DEFINED_INDEX, "ADMIN") },
  parameters: { newAuth: TPM2B_AUTH },
  nv: true,
  execute(tpm, { nvIndex, newAuth }, at) {
    const authValue = withoutTrailingZeros(newAuth);
    const { nameAlg } = tpm.nv.get(nvIndex).publicArea;
    if (authValue.length > digestSizeOf(nameAlg)) throw at("newAuth", TPM_RC.SIZE);
    tpm.nv.setAuthValue(nvIndex, authValue);
  },
});
