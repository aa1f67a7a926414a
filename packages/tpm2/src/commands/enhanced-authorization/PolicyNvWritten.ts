import { defineCommand } from "../../dispatch/command.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_RC } from "../../spec/response-codes.ts";
import { TPMI_SH_POLICY, TPMI_YES_NO } from "../../spec/structures/index.ts";
import { SESSION_ATTRIBUTES } from "../../state/session.ts";
import { extendPolicy, markPolicy } from "../../subsystems/policy.ts";

/**
 * Limits the policy to NV Indices that have, or have not, been written.
 *
 * @spec Part 3, "TPM2_PolicyNvWritten"
 * @rc VALUE (writtenSet)  the opposite was demanded before
 */
export const PolicyNvWritten = defineCommand({
  code: TPM_CC.PolicyNvWritten,
  handles: { policySession: TPMI_SH_POLICY },
  parameters: { writtenSet: TPMI_YES_NO },
  execute(tpm, { policySession, writtenSet }, at) {
    const { attributes } = tpm.sessions.get(policySession);
    const nvWrittenState = writtenSet === 1;
    if (
      SESSION_ATTRIBUTES.has(attributes, "checkNvWritten") &&
      SESSION_ATTRIBUTES.has(attributes, "nvWrittenState") !== nvWrittenState
    ) {
      throw at("writtenSet", TPM_RC.VALUE);
    }
    extendPolicy(tpm, policySession, TPM_CC.PolicyNvWritten, Uint8Array.of(writtenSet));
    markPolicy(tpm, policySession, { checkNvWritten: true, nvWrittenState });
  },
});
