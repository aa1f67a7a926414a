import { authorized, defineCommand } from "../../dispatch/command.ts";
import { TPMA_NV } from "../../spec/attributes.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_RC } from "../../spec/response-codes.ts";
import { TPMI_RH_NV_AUTH, TPMI_RH_NV_INDEX } from "../../spec/structures/index.ts";
import { TpmError } from "../../spec/tpm-error.ts";
import { checkIndexWritable } from "../../subsystems/read-only.ts";

/** Whoever may not read may not lock; but an Index may be locked again, and before it was written. */
const HARMLESS: readonly number[] = [TPM_RC.NV_LOCKED, TPM_RC.NV_UNINITIALIZED];

/**
 * Locks an NV Index against reading until the next Startup(CLEAR).
 *
 * @spec Part 3, "TPM2_NV_ReadLock"
 * @rc READ_ONLY  the TPM is in Read-Only mode, and the Index lasts
 * @rc NV_AUTHORIZATION      who authorizes may not read it
 * @rc ATTRIBUTES (nvIndex)  not to be locked
 */
export const NV_ReadLock = defineCommand({
  code: TPM_CC.NV_ReadLock,
  handles: { authHandle: authorized(TPMI_RH_NV_AUTH, "USER"), nvIndex: TPMI_RH_NV_INDEX },
  nv: true,
  execute(tpm, { authHandle, nvIndex }, at) {
    checkIndexWritable(tpm, nvIndex);
    const { attributes } = tpm.nv.get(nvIndex).publicArea;
    try {
      tpm.nv.forRead(nvIndex, authHandle);
    } catch (error) {
      if (!(error instanceof TpmError) || !HARMLESS.includes(error.rc)) throw error;
    }
    if (TPMA_NV.has(attributes, "READLOCKED")) return;
    if (!TPMA_NV.has(attributes, "READ_STCLEAR")) throw at("nvIndex", TPM_RC.ATTRIBUTES);
    tpm.nv.setAttributes(nvIndex, TPMA_NV.with(attributes, { READLOCKED: true }));
  },
});
