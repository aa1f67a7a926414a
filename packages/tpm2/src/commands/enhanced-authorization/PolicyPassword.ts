import { defineCommand } from "../../dispatch/command.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPMI_SH_POLICY } from "../../spec/structures/index.ts";
import { extendPolicy, markPolicy } from "../../subsystems/policy.ts";

/**
 * Demands that the entity's authValue is given as a password when the policy is used.
 *
 * @spec Part 3, "TPM2_PolicyPassword"
 */
export const PolicyPassword = defineCommand({
  code: TPM_CC.PolicyPassword,
  handles: { policySession: TPMI_SH_POLICY },
  execute(tpm, { policySession }) {
    // The digest is that of TPM2_PolicyAuthValue, so that each use may choose how the authValue is proved.
    extendPolicy(tpm, policySession, TPM_CC.PolicyAuthValue);
    markPolicy(tpm, policySession, { isPasswordNeeded: true, isAuthValueNeeded: false });
  },
});
