import { equalBytes } from "@vtpm/wire";
import { defineCommand } from "../../dispatch/command.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_RC } from "../../spec/response-codes.ts";
import { TPM2B_DIGEST, TPMI_SH_POLICY } from "../../spec/structures/index.ts";
import { TpmError } from "../../spec/tpm-error.ts";
import { extendPolicy, isTied, isTiedBy, tiePolicy } from "../../subsystems/policy.ts";

/**
 * Limits the policy to the creation of objects from one template.
 *
 * @spec Part 3, "TPM2_PolicyTemplate"
 * @rc CPHASH               the policy is limited by another hash
 * @rc SIZE (templateHash)  is not the size of the session's hash
 */
export const PolicyTemplate = defineCommand({
  code: TPM_CC.PolicyTemplate,
  handles: { policySession: TPMI_SH_POLICY },
  parameters: { templateHash: TPM2B_DIGEST },
  execute(tpm, { policySession, templateHash }, at) {
    const session = tpm.sessions.get(policySession);
    const isSame = isTiedBy(session, "isTemplateHashDefined") && equalBytes(templateHash, session.tiedTo);
    if (isTied(session) && !isSame) throw new TpmError(TPM_RC.CPHASH);
    if (templateHash.length !== session.digest.length) throw at("templateHash", TPM_RC.SIZE);
    extendPolicy(tpm, policySession, TPM_CC.PolicyTemplate, templateHash);
    tiePolicy(tpm, policySession, "isTemplateHashDefined", templateHash);
  },
});
