import { UINT16 } from "@vtpm/wire";
import { authorized, defineCommand } from "../../dispatch/command.ts";
import { TPMA_NV } from "../../spec/attributes.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_NT } from "../../spec/constants.ts";
import { TPM_RC } from "../../spec/response-codes.ts";
import { TPM2B_MAX_NV_BUFFER, TPMI_RH_NV_AUTH, TPMI_RH_NV_INDEX } from "../../spec/structures/index.ts";
import { TpmError } from "../../spec/tpm-error.ts";
import { typeOfIndex } from "../../subsystems/nv.ts";
import { checkIndexWritable } from "../../subsystems/read-only.ts";

/** Types that have commands of their own to change them. */
const NOT_WRITABLE: readonly number[] = [TPM_NT.COUNTER, TPM_NT.BITS, TPM_NT.EXTEND];

/**
 * Writes to an NV Index.
 *
 * @spec Part 3, "TPM2_NV_Write"
 * @rc READ_ONLY  the TPM is in Read-Only mode, and the Index lasts
 * @rc NV_LOCKED         the Index is locked for writing
 * @rc NV_AUTHORIZATION  who authorizes may not write it
 * @rc ATTRIBUTES        a counter, bit field or extend Index
 * @rc VALUE (offset)    starts past the end of the Index
 * @rc NV_RANGE          ends outside the Index, or leaves out a part of one that is to be written as a whole
 */
export const NV_Write = defineCommand({
  code: TPM_CC.NV_Write,
  handles: { authHandle: authorized(TPMI_RH_NV_AUTH, "USER"), nvIndex: TPMI_RH_NV_INDEX },
  parameters: { data: TPM2B_MAX_NV_BUFFER, offset: UINT16 },
  nv: true,
  execute(tpm, { authHandle, nvIndex, data, offset }, at) {
    checkIndexWritable(tpm, nvIndex);
    const { attributes, dataSize } = tpm.nv.forWrite(nvIndex, authHandle).publicArea;
    if (NOT_WRITABLE.includes(typeOfIndex(attributes))) throw new TpmError(TPM_RC.ATTRIBUTES);
    if (offset > dataSize) throw at("offset", TPM_RC.VALUE);
    if (data.length > dataSize - offset) throw new TpmError(TPM_RC.NV_RANGE);
    if (TPMA_NV.has(attributes, "WRITEALL") && data.length < dataSize) throw new TpmError(TPM_RC.NV_RANGE);
    tpm.nv.write(nvIndex, offset, data);
  },
});
