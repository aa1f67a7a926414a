import { encode, orBytes, UINT64 } from "@vtpm/wire";
import { authorized, defineCommand } from "../../dispatch/command.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_NT } from "../../spec/constants.ts";
import { TPM_RC } from "../../spec/response-codes.ts";
import { TPMI_RH_NV_AUTH, TPMI_RH_NV_INDEX } from "../../spec/structures/index.ts";
import { typeOfIndex } from "../../subsystems/nv.ts";
import { checkIndexWritable } from "../../subsystems/read-only.ts";

/**
 * Sets bits of a bit field; none can be cleared.
 *
 * @spec Part 3, "TPM2_NV_SetBits"
 * @rc READ_ONLY  the TPM is in Read-Only mode, and the Index lasts
 * @rc NV_LOCKED             the Index is locked for writing
 * @rc NV_AUTHORIZATION      who authorizes may not write it
 * @rc ATTRIBUTES (nvIndex)  not a bit field
 */
export const NV_SetBits = defineCommand({
  code: TPM_CC.NV_SetBits,
  handles: { authHandle: authorized(TPMI_RH_NV_AUTH, "USER"), nvIndex: TPMI_RH_NV_INDEX },
  parameters: { bits: UINT64 },
  nv: true,
  execute(tpm, { authHandle, nvIndex, bits }, at) {
    checkIndexWritable(tpm, nvIndex);
    const { attributes } = tpm.nv.forWrite(nvIndex, authHandle).publicArea;
    if (typeOfIndex(attributes) !== TPM_NT.BITS) throw at("nvIndex", TPM_RC.ATTRIBUTES);
    tpm.nv.write(nvIndex, 0, orBytes(encode(UINT64, tpm.nv.readUint64(nvIndex)), encode(UINT64, bits)));
  },
});
