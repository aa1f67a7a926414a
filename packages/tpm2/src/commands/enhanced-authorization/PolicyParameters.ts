import { defineCommand } from "../../dispatch/command.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_RC } from "../../spec/response-codes.ts";
import { TPM2B_DIGEST, TPMI_SH_POLICY } from "../../spec/structures/index.ts";
import { TpmError } from "../../spec/tpm-error.ts";
import { extendPolicy, isTied, tiePolicy } from "../../subsystems/policy.ts";

/**
 * Limits the policy to one command with one set of parameters, on any entities.
 *
 * @spec Part 3, "TPM2_PolicyParameters"
 * @rc SIZE (pHash)  is not the size of the session's hash
 * @rc CPHASH        the policy is limited by a hash already
 */
export const PolicyParameters = defineCommand({
  code: TPM_CC.PolicyParameters,
  handles: { policySession: TPMI_SH_POLICY },
  parameters: { pHash: TPM2B_DIGEST },
  execute(tpm, { policySession, pHash }, at) {
    const session = tpm.sessions.get(policySession);
    if (pHash.length !== session.digest.length) throw at("pHash", TPM_RC.SIZE);
    if (isTied(session)) throw new TpmError(TPM_RC.CPHASH);
    extendPolicy(tpm, policySession, TPM_CC.PolicyParameters, pHash);
    tiePolicy(tpm, policySession, "isParametersHashDefined", pHash);
  },
});
