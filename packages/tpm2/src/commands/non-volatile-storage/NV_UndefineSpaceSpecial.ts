import { authorized, defineCommand } from "../../dispatch/command.ts";
import { TPMA_NV } from "../../spec/attributes.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_RC } from "../../spec/response-codes.ts";
import { TPMI_RH_NV_DEFINED_INDEX, TPMI_RH_PLATFORM } from "../../spec/structures/index.ts";

/**
 * Removes an NV Index that only its policy and the platform together may remove.
 *
 * @spec Part 3, "TPM2_NV_UndefineSpaceSpecial"
 * @rc ATTRIBUTES (nvIndex)  it is not such an Index
 */
export const NV_UndefineSpaceSpecial = defineCommand({
  code: TPM_CC.NV_UndefineSpaceSpecial,
  handles: {
    nvIndex: authorized(TPMI_RH_NV_DEFINED_INDEX, "ADMIN"),
    platform: authorized(TPMI_RH_PLATFORM, "USER"),
  },
  nv: true,
  physicalPresence: "optional",
  execute(tpm, { nvIndex }, at) {
    const { attributes } = tpm.nv.get(nvIndex).publicArea;
    if (!TPMA_NV.has(attributes, "POLICY_DELETE")) throw at("nvIndex", TPM_RC.ATTRIBUTES);
    tpm.nv.delete(nvIndex);
  },
});
