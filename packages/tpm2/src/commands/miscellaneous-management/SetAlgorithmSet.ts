import { UINT32 } from "@vtpm/wire";
import { authorized, defineCommand } from "../../dispatch/command.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPMI_RH_PLATFORM } from "../../spec/structures/index.ts";

/**
 * Sets a number that vendors may use to choose among sets of algorithms. Here it is only remembered.
 *
 * @spec Part 3, "TPM2_SetAlgorithmSet"
 */
export const SetAlgorithmSet = defineCommand({
  code: TPM_CC.SetAlgorithmSet,
  handles: { authHandle: authorized(TPMI_RH_PLATFORM, "USER") },
  parameters: { algorithmSet: UINT32 },
  nv: true,
  execute(tpm, { algorithmSet }) {
    tpm.changePersistent({ algorithmSet });
  },
});
