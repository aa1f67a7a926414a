import { defineCommand } from "../../dispatch/command.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPMI_SH_POLICY } from "../../spec/structures/index.ts";

/**
 * Forgets everything a policy session has been told, but for the time at which it started.
 *
 * @spec Part 3, "TPM2_PolicyRestart"
 */
export const PolicyRestart = defineCommand({
  code: TPM_CC.PolicyRestart,
  handles: { sessionHandle: TPMI_SH_POLICY },
  execute(tpm, { sessionHandle }) {
    tpm.sessions.restartPolicy(sessionHandle);
  },
});
