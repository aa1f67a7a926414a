import { type Codec, choice, sized, struct, UINT8 } from "@vtpm/wire";
import { authorized, defineCommand } from "../../dispatch/command.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_CAP_ID, TPMI_RH_HIERARCHY } from "../../spec/structures/index.ts";

/** @spec Part 2, "TPMU_SET_CAPABILITIES"; for no capability is there anything to set, whatever follows */
const TPMU_SET_CAPABILITIES: Codec<number> = {
  ...choice<number>("TPMU_SET_CAPABILITIES", UINT8, { values: [], reason: "SELECTOR" }),
  read(reader) {
    throw reader.refuse("SELECTOR", "no capability can be set");
  },
  write: () => {},
};

/** @spec Part 2, "TPM2B_SET_CAPABILITY_DATA" */
const TPM2B_SET_CAPABILITY_DATA = sized(
  "TPM2B_SET_CAPABILITY_DATA",
  struct("TPMS_SET_CAPABILITY_DATA", { setCapability: TPM_CAP_ID, data: TPMU_SET_CAPABILITIES }),
);

/**
 * Sets a capability, of which there are none that can be set: no data is any capability's.
 *
 * @spec Part 3, "TPM2_SetCapability"
 * @rc VALUE (setCapabilityData)     no capability
 * @rc SIZE (setCapabilityData)      nothing at all
 * @rc SELECTOR (setCapabilityData)  anything else
 */
export const SetCapability = defineCommand({
  code: TPM_CC.SetCapability,
  handles: { authHandle: authorized(TPMI_RH_HIERARCHY, "USER") },
  parameters: { setCapabilityData: TPM2B_SET_CAPABILITY_DATA },
  nv: true,
  execute() {},
});
