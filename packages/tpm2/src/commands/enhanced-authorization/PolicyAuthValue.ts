import { defineCommand } from "../../dispatch/command.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPMI_SH_POLICY } from "../../spec/structures/index.ts";
import { extendPolicy, markPolicy } from "../../subsystems/policy.ts";

/**
 * Demands that the entity's authValue is part of the HMAC key when the policy is used.
 *
 * @spec Part 3, "TPM2_PolicyAuthValue"
 */
export const PolicyAuthValue = defineCommand({
  code: TPM_CC.PolicyAuthValue,
  handles: { policySession: TPMI_SH_POLICY },
  execute(tpm, { policySession }) {
    extendPolicy(tpm, policySession, TPM_CC.PolicyAuthValue);
    markPolicy(tpm, policySession, { isAuthValueNeeded: true, isPasswordNeeded: false });
  },
});
