import { defineCommand } from "../../dispatch/command.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM2B_NAME, TPM2B_NV_PUBLIC, TPMI_RH_NV_INDEX } from "../../spec/structures/index.ts";

/**
 * Reads the public area and the Name of an NV Index.
 *
 * @spec Part 3, "TPM2_NV_ReadPublic"
 */
export const NV_ReadPublic = defineCommand({
  code: TPM_CC.NV_ReadPublic,
  handles: { nvIndex: TPMI_RH_NV_INDEX },
  response: { nvPublic: TPM2B_NV_PUBLIC, nvName: TPM2B_NAME },
  execute(tpm, { nvIndex }) {
    return { nvPublic: tpm.nv.get(nvIndex).publicArea, nvName: tpm.nv.nameOf(nvIndex) };
  },
});
