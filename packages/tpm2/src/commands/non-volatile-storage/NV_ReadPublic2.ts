import { defineCommand } from "../../dispatch/command.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM2B_NAME, TPM2B_NV_PUBLIC_2, TPMI_RH_NV_INDEX } from "../../spec/structures/index.ts";
import { publicAreaToPublic2 } from "../../subsystems/nv-public.ts";

/**
 * Reads the public area and the Name of an NV Index of any kind.
 *
 * @spec Part 3, "TPM2_NV_ReadPublic2"
 */
export const NV_ReadPublic2 = defineCommand({
  code: TPM_CC.NV_ReadPublic2,
  handles: { nvIndex: TPMI_RH_NV_INDEX },
  response: { nvPublic: TPM2B_NV_PUBLIC_2, nvName: TPM2B_NAME },
  execute(tpm, { nvIndex }) {
    const { publicArea } = tpm.nv.get(nvIndex);
    return { nvPublic: publicAreaToPublic2(publicArea), nvName: tpm.nv.nameOf(nvIndex) };
  },
});
