import { authorized, defineCommand } from "../../dispatch/command.ts";
import { TPMA_NV } from "../../spec/attributes.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_RC } from "../../spec/response-codes.ts";
import { TPMI_RH_NV_AUTH, TPMI_RH_NV_INDEX } from "../../spec/structures/index.ts";
import { TpmError } from "../../spec/tpm-error.ts";
import { checkIndexWritable } from "../../subsystems/read-only.ts";

/**
 * Locks an NV Index against writing. What is locked already stays so without an error, whoever asks.
 *
 * @spec Part 3, "TPM2_NV_WriteLock"
 * @rc READ_ONLY  the TPM is in Read-Only mode, and the Index lasts
 * @rc NV_AUTHORIZATION      who authorizes may not write it
 * @rc ATTRIBUTES (nvIndex)  not to be locked
 */
export const NV_WriteLock = defineCommand({
  code: TPM_CC.NV_WriteLock,
  handles: { authHandle: authorized(TPMI_RH_NV_AUTH, "USER"), nvIndex: TPMI_RH_NV_INDEX },
  nv: true,
  execute(tpm, { authHandle, nvIndex }, at) {
    checkIndexWritable(tpm, nvIndex);
    const { attributes } = tpm.nv.get(nvIndex).publicArea;
    try {
      tpm.nv.forWrite(nvIndex, authHandle);
    } catch (error) {
      if (error instanceof TpmError && error.rc === TPM_RC.NV_LOCKED) return;
      throw error;
    }
    const lockable = TPMA_NV.has(attributes, "WRITEDEFINE") || TPMA_NV.has(attributes, "WRITE_STCLEAR");
    if (!lockable) throw at("nvIndex", TPM_RC.ATTRIBUTES);
    tpm.nv.setAttributes(nvIndex, TPMA_NV.with(attributes, { WRITELOCKED: true }));
  },
});
