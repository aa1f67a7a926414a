import { authorized, defineCommand } from "../../dispatch/command.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_RH } from "../../spec/handles.ts";
import { TPM_RC } from "../../spec/response-codes.ts";
import { TPMI_RH_CLEAR, TPMI_YES_NO } from "../../spec/structures/index.ts";
import { TpmError } from "../../spec/tpm-error.ts";

/**
 * Forbids TPM2_Clear, or allows it again.
 *
 * @spec Part 3, "TPM2_ClearControl"
 * @rc AUTH_FAIL  only the platform may allow it again
 */
export const ClearControl = defineCommand({
  code: TPM_CC.ClearControl,
  handles: { auth: authorized(TPMI_RH_CLEAR, "USER") },
  parameters: { disable: TPMI_YES_NO },
  nv: true,
  physicalPresence: "optional",
  execute(tpm, { auth, disable }) {
    if (auth === TPM_RH.LOCKOUT && disable === 0) throw new TpmError(TPM_RC.AUTH_FAIL);
    tpm.changePersistent({ disableClear: disable });
  },
});
