import { defineCommand } from "../../dispatch/command.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPMI_SH_POLICY } from "../../spec/structures/index.ts";
import { extendPolicy, markPolicy } from "../../subsystems/policy.ts";

/**
 * Demands that somebody is at the machine when the policy is used.
 *
 * @spec Part 3, "TPM2_PolicyPhysicalPresence"
 */
export const PolicyPhysicalPresence = defineCommand({
  code: TPM_CC.PolicyPhysicalPresence,
  handles: { policySession: TPMI_SH_POLICY },
  execute(tpm, { policySession }) {
    extendPolicy(tpm, policySession, TPM_CC.PolicyPhysicalPresence);
    markPolicy(tpm, policySession, { isPPRequired: true });
  },
});
