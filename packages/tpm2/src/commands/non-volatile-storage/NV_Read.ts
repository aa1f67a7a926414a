import { UINT16 } from "@vtpm/wire";
import { authorized, defineCommand } from "../../dispatch/command.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_RC } from "../../spec/response-codes.ts";
import { TPM2B_MAX_NV_BUFFER, TPMI_RH_NV_AUTH, TPMI_RH_NV_INDEX } from "../../spec/structures/index.ts";
import { TpmError } from "../../spec/tpm-error.ts";

/**
 * Reads part of an NV Index.
 *
 * @spec Part 3, "TPM2_NV_Read"
 * @rc NV_LOCKED         the Index is locked for reading
 * @rc NV_AUTHORIZATION  who authorizes may not read it
 * @rc NV_UNINITIALIZED  nothing has been written yet
 * @rc VALUE (size)      more than MAX_NV_BUFFER_SIZE asked for
 * @rc VALUE (offset)    starts past the end of the Index
 * @rc NV_RANGE          starts inside the Index and ends outside it
 */
export const NV_Read = defineCommand({
  code: TPM_CC.NV_Read,
  handles: { authHandle: authorized(TPMI_RH_NV_AUTH, "USER"), nvIndex: TPMI_RH_NV_INDEX },
  parameters: { size: UINT16, offset: UINT16 },
  response: { data: TPM2B_MAX_NV_BUFFER },
  execute(tpm, { authHandle, nvIndex, size, offset }, at) {
    const { publicArea, data } = tpm.nv.forRead(nvIndex, authHandle);
    if (size > tpm.profile.limit("MAX_NV_BUFFER_SIZE")) throw at("size", TPM_RC.VALUE);
    if (offset > publicArea.dataSize) throw at("offset", TPM_RC.VALUE);
    if (size > publicArea.dataSize - offset) throw new TpmError(TPM_RC.NV_RANGE);
    return { data: data.slice(offset, offset + size) };
  },
});
