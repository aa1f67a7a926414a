import { equalBytes } from "@vtpm/wire";
import { defineCommand } from "../../dispatch/command.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_RC } from "../../spec/response-codes.ts";
import { TPMI_SH_POLICY, TPML_DIGEST_MIN2 } from "../../spec/structures/index.ts";
import { clearPolicyDigest, extendPolicy, isTrial } from "../../subsystems/policy.ts";

/**
 * Accepts any of several policies: goes on with a digest of them all, if the policy so far is one of them.
 *
 * @spec Part 3, "TPM2_PolicyOR"
 * @rc VALUE (pHashList)  the policy so far is not in the list
 */
export const PolicyOR = defineCommand({
  code: TPM_CC.PolicyOR,
  handles: { policySession: TPMI_SH_POLICY },
  parameters: { pHashList: TPML_DIGEST_MIN2 },
  execute(tpm, { policySession, pHashList }, at) {
    const session = tpm.sessions.get(policySession);
    if (!isTrial(session) && !pHashList.some((digest) => equalBytes(digest, session.digest))) {
      throw at("pHashList", TPM_RC.VALUE);
    }
    clearPolicyDigest(tpm, policySession);
    extendPolicy(tpm, policySession, TPM_CC.PolicyOR, ...pHashList);
  },
});
