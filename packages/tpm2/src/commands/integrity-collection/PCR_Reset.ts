import { authorized, defineCommand } from "../../dispatch/command.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_RC } from "../../spec/response-codes.ts";
import { TPMI_DH_PCR } from "../../spec/structures/index.ts";
import { TpmError } from "../../spec/tpm-error.ts";

/**
 * Sets a PCR to zero in all banks.
 *
 * @spec Part 3, "TPM2_PCR_Reset"
 * @rc LOCALITY  the PCR may not be reset from here
 */
export const PCR_Reset = defineCommand({
  code: TPM_CC.PCR_Reset,
  handles: { pcrHandle: authorized(TPMI_DH_PCR, "USER") },
  nv: true,
  execute(tpm, { pcrHandle }) {
    if (!tpm.pcr.mayReset(pcrHandle)) throw new TpmError(TPM_RC.LOCALITY);
    if (tpm.pcr.isStateSaved(pcrHandle)) tpm.clearOrderly();
    tpm.pcr.reset(pcrHandle);
  },
});
