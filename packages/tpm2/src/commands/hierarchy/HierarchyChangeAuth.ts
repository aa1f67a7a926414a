import { authorized, defineCommand } from "../../dispatch/command.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM2B_AUTH, TPMI_RH_HIERARCHY_AUTH } from "../../spec/structures/index.ts";
import { withoutTrailingZeros } from "../../subsystems/entities.ts";

/**
 * Changes the authValue of a hierarchy or of lockout. As long as it may be, so long is the type of the parameter.
 *
 * @spec Part 3, "TPM2_HierarchyChangeAuth"
 */
export const HierarchyChangeAuth = defineCommand({
  code: TPM_CC.HierarchyChangeAuth,
  handles: { authHandle: authorized(TPMI_RH_HIERARCHY_AUTH, "USER") },
  parameters: { newAuth: TPM2B_AUTH },
  nv: true,
  physicalPresence: "optional",
  execute(tpm, { authHandle, newAuth }) {
    tpm.hierarchies.setAuthValue(authHandle, withoutTrailingZeros(newAuth));
  },
});
