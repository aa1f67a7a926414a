import { authorized, defineCommand } from "../../dispatch/command.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_RH } from "../../spec/handles.ts";
import { TPM_RC } from "../../spec/response-codes.ts";
import { TPMI_DH_PCR_NULLABLE, TPML_DIGEST_VALUES } from "../../spec/structures/index.ts";
import { TpmError } from "../../spec/tpm-error.ts";

/**
 * Extends a PCR of several banks with a digest each. Banks that do not have the PCR are passed over.
 *
 * @spec Part 3, "TPM2_PCR_Extend"
 * @rc LOCALITY  the PCR may not be extended from here
 */
export const PCR_Extend = defineCommand({
  code: TPM_CC.PCR_Extend,
  handles: { pcrHandle: authorized(TPMI_DH_PCR_NULLABLE, "USER") },
  parameters: { digests: TPML_DIGEST_VALUES },
  nv: true,
  execute(tpm, { pcrHandle, digests }) {
    if (pcrHandle === TPM_RH.NULL) return;
    if (!tpm.pcr.mayExtend(pcrHandle)) throw new TpmError(TPM_RC.LOCALITY);
    if (tpm.pcr.isStateSaved(pcrHandle)) tpm.clearOrderly();
    for (const { hashAlg, digest } of digests) tpm.pcr.extend(pcrHandle, hashAlg, digest);
  },
});
