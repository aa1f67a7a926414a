import { authorized, defineCommand } from "../../dispatch/command.ts";
import { TPMA_NV } from "../../spec/attributes.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_NT } from "../../spec/constants.ts";
import { TPM_RC } from "../../spec/response-codes.ts";
import { TPM2B_MAX_NV_BUFFER, TPMI_RH_NV_AUTH, TPMI_RH_NV_INDEX } from "../../spec/structures/index.ts";
import { digestSizeOf, hashNameOf } from "../../subsystems/hash-algorithms.ts";
import { typeOfIndex } from "../../subsystems/nv.ts";
import { checkIndexWritable } from "../../subsystems/read-only.ts";

/**
 * Extends an NV Index as if it were a PCR.
 *
 * @spec Part 3, "TPM2_NV_Extend"
 * @rc READ_ONLY  the TPM is in Read-Only mode, and the Index lasts
 * @rc NV_LOCKED             the Index is locked for writing
 * @rc NV_AUTHORIZATION      who authorizes may not write it
 * @rc ATTRIBUTES (nvIndex)  not an Index to be extended
 */
export const NV_Extend = defineCommand({
  code: TPM_CC.NV_Extend,
  handles: { authHandle: authorized(TPMI_RH_NV_AUTH, "USER"), nvIndex: TPMI_RH_NV_INDEX },
  parameters: { data: TPM2B_MAX_NV_BUFFER },
  nv: true,
  execute(tpm, { authHandle, nvIndex, data }, at) {
    checkIndexWritable(tpm, nvIndex);
    const index = tpm.nv.forWrite(nvIndex, authHandle);
    const { attributes, nameAlg } = index.publicArea;
    if (typeOfIndex(attributes) !== TPM_NT.EXTEND) throw at("nvIndex", TPM_RC.ATTRIBUTES);
    const old = TPMA_NV.has(attributes, "WRITTEN") ? index.data : new Uint8Array(digestSizeOf(nameAlg));
    tpm.nv.write(nvIndex, 0, tpm.crypto.hash(hashNameOf(nameAlg), old, data));
  },
});
