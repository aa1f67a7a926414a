import { authorized, defineCommand } from "../../dispatch/command.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_RC } from "../../spec/response-codes.ts";
import { TPM2B_DIGEST, TPMI_ALG_HASH_NULLABLE, TPMI_RH_HIERARCHY_POLICY } from "../../spec/structures/index.ts";
import { digestSizeOf } from "../../subsystems/hash-algorithms.ts";

/**
 * Sets the policy of a hierarchy or of the lockout authorization.
 *
 * @spec Part 3, "TPM2_SetPrimaryPolicy"
 * @rc SIZE (authPolicy)  not as long as a digest of `hashAlg`
 */
export const SetPrimaryPolicy = defineCommand({
  code: TPM_CC.SetPrimaryPolicy,
  handles: { authHandle: authorized(TPMI_RH_HIERARCHY_POLICY, "USER") },
  parameters: { authPolicy: TPM2B_DIGEST, hashAlg: TPMI_ALG_HASH_NULLABLE },
  nv: true,
  physicalPresence: "optional",
  execute(tpm, { authHandle, authPolicy, hashAlg }, at) {
    if (authPolicy.length !== digestSizeOf(hashAlg)) throw at("authPolicy", TPM_RC.SIZE);
    tpm.hierarchies.setPolicy(authHandle, { hashAlg, policy: authPolicy });
  },
});
