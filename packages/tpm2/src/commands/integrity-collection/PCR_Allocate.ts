import { UINT32 } from "@vtpm/wire";
import { authorized, defineCommand } from "../../dispatch/command.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { YES } from "../../spec/constants.ts";
import { TPM_RC } from "../../spec/response-codes.ts";
import { TPMI_RH_PLATFORM, TPMI_YES_NO, TPML_PCR_SELECTION } from "../../spec/structures/index.ts";
import { TpmError } from "../../spec/tpm-error.ts";

/**
 * Sets which PCRs the banks have from the next _TPM_Init on. Banks not named stay as they are.
 *
 * @spec Part 3, "TPM2_PCR_Allocate"
 * @rc PCR  no bank would have the PCR of the H-CRTM or that of the D-RTM
 */
export const PCR_Allocate = defineCommand({
  code: TPM_CC.PCR_Allocate,
  handles: { authHandle: authorized(TPMI_RH_PLATFORM, "USER") },
  parameters: { pcrAllocation: TPML_PCR_SELECTION },
  response: { allocationSuccess: TPMI_YES_NO, maxPCR: UINT32, sizeNeeded: UINT32, sizeAvailable: UINT32 },
  nv: true,
  physicalPresence: "optional",
  execute(tpm, { pcrAllocation }) {
    const sizes = tpm.pcr.allocate(pcrAllocation);
    if (sizes === undefined) throw new TpmError(TPM_RC.PCR);
    return { allocationSuccess: YES, maxPCR: tpm.profile.limit("IMPLEMENTATION_PCR"), ...sizes };
  },
});
