import { authorized, defineCommand } from "../../dispatch/command.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_NT } from "../../spec/constants.ts";
import { TPM_RC } from "../../spec/response-codes.ts";
import { TPMI_RH_NV_AUTH, TPMI_RH_NV_INDEX } from "../../spec/structures/index.ts";
import { typeOfIndex } from "../../subsystems/nv.ts";

/**
 * Adds one to a counter.
 *
 * @spec Part 3, "TPM2_NV_Increment"
 * @rc NV_LOCKED             the Index is locked for writing
 * @rc NV_AUTHORIZATION      who authorizes may not write it
 * @rc ATTRIBUTES (nvIndex)  not a counter
 */
export const NV_Increment = defineCommand({
  code: TPM_CC.NV_Increment,
  handles: { authHandle: authorized(TPMI_RH_NV_AUTH, "USER"), nvIndex: TPMI_RH_NV_INDEX },
  nv: true,
  execute(tpm, { authHandle, nvIndex }, at) {
    const { attributes } = tpm.nv.forWrite(nvIndex, authHandle).publicArea;
    if (typeOfIndex(attributes) !== TPM_NT.COUNTER) throw at("nvIndex", TPM_RC.ATTRIBUTES);
    tpm.nv.increment(nvIndex);
  },
});
