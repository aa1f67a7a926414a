import { UINT32 } from "@vtpm/wire";
import { authorized, defineCommand } from "../../dispatch/command.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_RC } from "../../spec/response-codes.ts";
import { TPMI_RH_ACT } from "../../spec/structures/index.ts";
import { STOPPED } from "../../subsystems/timers.ts";

/**
 * Sets an authenticated countdown timer, in seconds. Who keeps setting it in time keeps it from being signaled.
 *
 * @spec Part 3, "TPM2_ACT_SetTimeout"
 * @rc VALUE (startTimeout)  is to stop a timer that has not run out
 */
export const ACT_SetTimeout = defineCommand({
  code: TPM_CC.ACT_SetTimeout,
  handles: { actHandle: authorized(TPMI_RH_ACT, "USER") },
  parameters: { startTimeout: UINT32 },
  execute(tpm, { actHandle, startTimeout }, at) {
    if (startTimeout === STOPPED && !tpm.timers.isSignaled(actHandle)) throw at("startTimeout", TPM_RC.VALUE);
    tpm.timers.set(actHandle, startTimeout);
  },
});
