import { sized, struct } from "@vtpm/wire";
import { authorized, defineCommand } from "../../dispatch/command.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_RC } from "../../spec/response-codes.ts";
import { TPM_CAP_ID, TPMI_RH_HIERARCHY } from "../../spec/structures/index.ts";

/** @spec Part 2, "TPM2B_SET_CAPABILITY_DATA"; no capability that can be set is defined, so there is no data */
const TPM2B_SET_CAPABILITY_DATA = sized(
  "TPM2B_SET_CAPABILITY_DATA",
  struct("TPMS_SET_CAPABILITY_DATA", { setCapability: TPM_CAP_ID }),
);

/**
 * Sets a capability, of which there are none that can be set.
 *
 * @spec Part 3, "TPM2_SetCapability"
 * @rc SELECTOR (setCapabilityData)  always
 */
export const SetCapability = defineCommand({
  code: TPM_CC.SetCapability,
  handles: { authHandle: authorized(TPMI_RH_HIERARCHY, "USER") },
  parameters: { setCapabilityData: TPM2B_SET_CAPABILITY_DATA },
  nv: true,
  execute(_tpm, _input, at) {
    throw at("setCapabilityData", TPM_RC.SELECTOR);
  },
});
