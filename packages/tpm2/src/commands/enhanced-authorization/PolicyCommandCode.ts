import { defineCommand } from "../../dispatch/command.ts";
import { uint32 } from "../../integer-bytes.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_RC } from "../../spec/response-codes.ts";
import { TPM_CC_ID, TPMI_SH_POLICY } from "../../spec/structures/index.ts";
import { extendPolicy } from "../../subsystems/policy.ts";

/**
 * Limits the policy to one command.
 *
 * @spec Part 3, "TPM2_PolicyCommandCode"
 * @rc VALUE (code)      the policy is limited to another command
 * @rc POLICY_CC (code)  the TPM has no such command
 */
export const PolicyCommandCode = defineCommand({
  code: TPM_CC.PolicyCommandCode,
  handles: { policySession: TPMI_SH_POLICY },
  parameters: { code: TPM_CC_ID },
  execute(tpm, { policySession, code }, at) {
    const { commandCode } = tpm.sessions.get(policySession);
    if (commandCode !== 0 && commandCode !== code) throw at("code", TPM_RC.VALUE);
    if (!tpm.profile.allows("CC", code)) throw at("code", TPM_RC.POLICY_CC);
    extendPolicy(tpm, policySession, TPM_CC.PolicyCommandCode, uint32(code));
    tpm.sessions.change(policySession, { commandCode: code });
  },
});
