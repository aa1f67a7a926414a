import { EMPTY } from "@vtpm/wire";
import { defineCommand } from "../../dispatch/command.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_RC } from "../../spec/response-codes.ts";
import { TPM2B_NAME, TPMI_SH_POLICY, TPMI_YES_NO } from "../../spec/structures/index.ts";
import { TpmError } from "../../spec/tpm-error.ts";
import { hashNameOf } from "../../subsystems/hash-algorithms.ts";
import { extendPolicy, tiePolicy } from "../../subsystems/policy.ts";

/**
 * Limits the policy to the duplication of one object to one new parent.
 *
 * @spec Part 3, "TPM2_PolicyDuplicationSelect"
 * @rc CPHASH        the policy is limited by a hash already
 * @rc COMMAND_CODE  the policy is limited to a command already
 */
export const PolicyDuplicationSelect = defineCommand({
  code: TPM_CC.PolicyDuplicationSelect,
  handles: { policySession: TPMI_SH_POLICY },
  parameters: { objectName: TPM2B_NAME, newParentName: TPM2B_NAME, includeObject: TPMI_YES_NO },
  execute(tpm, { policySession, objectName, newParentName, includeObject }) {
    const { tiedTo, commandCode, authHashAlg } = tpm.sessions.get(policySession);
    if (tiedTo.length !== 0) throw new TpmError(TPM_RC.CPHASH);
    if (commandCode !== 0) throw new TpmError(TPM_RC.COMMAND_CODE);
    extendPolicy(
      tpm,
      policySession,
      TPM_CC.PolicyDuplicationSelect,
      includeObject === 1 ? objectName : EMPTY,
      newParentName,
      Uint8Array.of(includeObject),
    );
    const nameHash = tpm.crypto.hash(hashNameOf(authHashAlg), objectName, newParentName);
    tiePolicy(tpm, policySession, "isNameHashDefined", nameHash);
    tpm.sessions.change(policySession, { commandCode: TPM_CC.Duplicate });
  },
});
