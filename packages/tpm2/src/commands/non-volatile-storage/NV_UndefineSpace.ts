import { authorized, defineCommand } from "../../dispatch/command.ts";
import { TPMA_NV } from "../../spec/attributes.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_RH } from "../../spec/handles.ts";
import { TPM_RC } from "../../spec/response-codes.ts";
import { TPMI_RH_NV_DEFINED_INDEX, TPMI_RH_PROVISION } from "../../spec/structures/index.ts";
import { TpmError } from "../../spec/tpm-error.ts";

/**
 * Removes an NV Index.
 *
 * @spec Part 3, "TPM2_NV_UndefineSpace"
 * @rc ATTRIBUTES (nvIndex)  only its policy may remove it
 * @rc NV_AUTHORIZATION      the owner may not remove an Index of the platform
 */
export const NV_UndefineSpace = defineCommand({
  code: TPM_CC.NV_UndefineSpace,
  handles: { authHandle: authorized(TPMI_RH_PROVISION, "USER"), nvIndex: TPMI_RH_NV_DEFINED_INDEX },
  nv: true,
  physicalPresence: "optional",
  execute(tpm, { authHandle, nvIndex }, at) {
    const { attributes } = tpm.nv.get(nvIndex).publicArea;
    if (TPMA_NV.has(attributes, "POLICY_DELETE")) throw at("nvIndex", TPM_RC.ATTRIBUTES);
    if (authHandle === TPM_RH.OWNER && TPMA_NV.has(attributes, "PLATFORMCREATE")) {
      throw new TpmError(TPM_RC.NV_AUTHORIZATION);
    }
    tpm.nv.delete(nvIndex);
  },
});
