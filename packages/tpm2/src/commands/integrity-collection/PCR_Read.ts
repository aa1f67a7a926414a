import { UINT32 } from "@vtpm/wire";
import { defineCommand } from "../../dispatch/command.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPML_DIGEST, TPML_PCR_SELECTION } from "../../spec/structures/index.ts";

/**
 * Reads the first eight of the selected PCRs and tells which these are.
 *
 * @spec Part 3, "TPM2_PCR_Read"
 */
export const PCR_Read = defineCommand({
  code: TPM_CC.PCR_Read,
  parameters: { pcrSelectionIn: TPML_PCR_SELECTION },
  response: { pcrUpdateCounter: UINT32, pcrSelectionOut: TPML_PCR_SELECTION, pcrValues: TPML_DIGEST },
  execute(tpm, { pcrSelectionIn }) {
    const { selection, values } = tpm.pcr.read(pcrSelectionIn);
    return { pcrUpdateCounter: tpm.stateReset.pcrCounter, pcrSelectionOut: selection, pcrValues: values };
  },
});
