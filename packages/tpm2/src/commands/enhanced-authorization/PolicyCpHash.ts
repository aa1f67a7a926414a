import { equalBytes } from "@vtpm/wire";
import { defineCommand } from "../../dispatch/command.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_RC } from "../../spec/response-codes.ts";
import { TPM2B_DIGEST, TPMI_SH_POLICY } from "../../spec/structures/index.ts";
import { TpmError } from "../../spec/tpm-error.ts";
import { extendPolicy, isTied, isTiedBy, tiePolicy } from "../../subsystems/policy.ts";

/**
 * Limits the policy to one command with one set of handles and parameters.
 *
 * @spec Part 3, "TPM2_PolicyCpHash"
 * @rc SIZE (cpHashA)  is not the size of the session's hash
 * @rc CPHASH          the policy is limited by another hash
 */
export const PolicyCpHash = defineCommand({
  code: TPM_CC.PolicyCpHash,
  handles: { policySession: TPMI_SH_POLICY },
  parameters: { cpHashA: TPM2B_DIGEST },
  execute(tpm, { policySession, cpHashA }, at) {
    const session = tpm.sessions.get(policySession);
    if (cpHashA.length !== session.digest.length) throw at("cpHashA", TPM_RC.SIZE);
    const isSame = isTiedBy(session, "isCpHashDefined") && equalBytes(cpHashA, session.tiedTo);
    if (isTied(session) && !isSame) throw new TpmError(TPM_RC.CPHASH);
    extendPolicy(tpm, policySession, TPM_CC.PolicyCpHash, cpHashA);
    tiePolicy(tpm, policySession, "isCpHashDefined", cpHashA);
  },
});
