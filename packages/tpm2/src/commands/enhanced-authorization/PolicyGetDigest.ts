import { defineCommand } from "../../dispatch/command.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM2B_DIGEST, TPMI_SH_POLICY } from "../../spec/structures/index.ts";

/**
 * Tells the digest of a policy session as it stands.
 *
 * @spec Part 3, "TPM2_PolicyGetDigest"
 */
export const PolicyGetDigest = defineCommand({
  code: TPM_CC.PolicyGetDigest,
  handles: { policySession: TPMI_SH_POLICY },
  response: { policyDigest: TPM2B_DIGEST },
  execute: (tpm, { policySession }) => ({ policyDigest: tpm.sessions.get(policySession).digest }),
});
