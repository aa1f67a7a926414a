import { defineCommand } from "../../dispatch/command.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { handleTypeOf, TPM_HT } from "../../spec/handles.ts";
import { TPM_RC } from "../../spec/response-codes.ts";
import { TPM2B_NAME, TPM2B_NV_PUBLIC, TPMI_RH_NV_INDEX } from "../../spec/structures/index.ts";

/**
 * Reads the public area and the Name of an NV Index.
 *
 * @spec Part 3, "TPM2_NV_ReadPublic"
 * @rc HANDLE (nvIndex)  an external Index: TPM2_NV_ReadPublic2 has words for it
 */
export const NV_ReadPublic = defineCommand({
  code: TPM_CC.NV_ReadPublic,
  handles: { nvIndex: TPMI_RH_NV_INDEX },
  response: { nvPublic: TPM2B_NV_PUBLIC, nvName: TPM2B_NAME },
  execute(tpm, { nvIndex }, at) {
    if (handleTypeOf(nvIndex) !== TPM_HT.NV_INDEX) throw at("nvIndex", TPM_RC.HANDLE);
    return { nvPublic: tpm.nv.get(nvIndex).publicArea, nvName: tpm.nv.nameOf(nvIndex) };
  },
});
