import { authorized, defineCommand } from "../../dispatch/command.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_RC } from "../../spec/response-codes.ts";
import { TPM2B_DIGEST, TPMI_ALG_HASH_NULLABLE, TPMI_DH_PCR, TPMI_RH_PLATFORM } from "../../spec/structures/index.ts";
import { digestSizeOf } from "../../subsystems/hash-algorithms.ts";

/**
 * Sets the policy of the group that a PCR belongs to.
 *
 * @spec Part 3, "TPM2_PCR_SetAuthPolicy"
 * @rc SIZE (authPolicy)  not as long as a digest of `hashAlg`
 * @rc VALUE (pcrNum)     belongs to no group that can have a policy
 */
export const PCR_SetAuthPolicy = defineCommand({
  code: TPM_CC.PCR_SetAuthPolicy,
  handles: { authHandle: authorized(TPMI_RH_PLATFORM, "USER") },
  parameters: { authPolicy: TPM2B_DIGEST, hashAlg: TPMI_ALG_HASH_NULLABLE, pcrNum: TPMI_DH_PCR },
  nv: true,
  physicalPresence: "optional",
  execute(tpm, { authPolicy, hashAlg, pcrNum }, at) {
    if (authPolicy.length !== digestSizeOf(hashAlg)) throw at("authPolicy", TPM_RC.SIZE);
    if (!tpm.pcr.hasPolicy(pcrNum)) throw at("pcrNum", TPM_RC.VALUE);
    tpm.changePersistent({ pcrPolicyAlg: hashAlg, pcrPolicy: authPolicy });
  },
});
