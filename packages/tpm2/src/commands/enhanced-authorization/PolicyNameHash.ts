import { defineCommand } from "../../dispatch/command.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_RC } from "../../spec/response-codes.ts";
import { TPM2B_DIGEST, TPMI_SH_POLICY } from "../../spec/structures/index.ts";
import { TpmError } from "../../spec/tpm-error.ts";
import { extendPolicy, isTied, tiePolicy } from "../../subsystems/policy.ts";

/**
 * Limits the policy to commands on certain entities.
 *
 * @spec Part 3, "TPM2_PolicyNameHash"
 * @rc SIZE (nameHash)  is not the size of the session's hash
 * @rc CPHASH           the policy is limited by a hash already
 */
export const PolicyNameHash = defineCommand({
  code: TPM_CC.PolicyNameHash,
  handles: { policySession: TPMI_SH_POLICY },
  parameters: { nameHash: TPM2B_DIGEST },
  execute(tpm, { policySession, nameHash }, at) {
    const session = tpm.sessions.get(policySession);
    if (nameHash.length !== session.digest.length) throw at("nameHash", TPM_RC.SIZE);
    if (isTied(session)) throw new TpmError(TPM_RC.CPHASH);
    extendPolicy(tpm, policySession, TPM_CC.PolicyNameHash, nameHash);
    tiePolicy(tpm, policySession, "isNameHashDefined", nameHash);
  },
});
