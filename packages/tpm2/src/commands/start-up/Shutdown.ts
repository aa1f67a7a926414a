import { defineCommand } from "../../dispatch/command.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_SU } from "../../spec/constants.ts";
import { TPM_RC } from "../../spec/response-codes.ts";
import { TPM_SU_ID } from "../../spec/structures/index.ts";
import { ORDERLY } from "../../state/data.ts";

/**
 * Prepares for the loss of power: everything that is to survive goes to NV.
 *
 * @spec Part 3, "TPM2_Shutdown"
 * @rc TYPE (shutdownType)  STATE although the PCR banks will be others after the next start
 */
export const Shutdown = defineCommand({
  code: TPM_CC.Shutdown,
  parameters: { shutdownType: TPM_SU_ID },
  nv: true,
  execute(tpm, { shutdownType }, at) {
    const keepsState = shutdownType === TPM_SU.STATE;
    if (keepsState && tpm.ram.pcrReConfig === 1) throw at("shutdownType", TPM_RC.TYPE);
    tpm.changeRam({ daUsed: 0 });
    if (keepsState) tpm.pcr.save();
    tpm.nv.storeOrderly();
    tpm.changeOrderly({ time: tpm.ram.time });
    const { orderly, stateClear, stateReset } = tpm;
    tpm.changeNv(keepsState ? { orderly, stateClear, stateReset } : { orderly });
    const extension = keepsState ? tpm.timers.saved() : undefined;
    if (extension !== tpm.state.nv.extension) tpm.changeNv({ extension });
    let orderlyState: number = shutdownType;
    if (keepsState && tpm.ram.drtmPreStartup === 1) orderlyState += ORDERLY.PRE_STARTUP;
    else if (keepsState && tpm.ram.startupLocality3 === 1) orderlyState += ORDERLY.STARTUP_LOCALITY_3;
    tpm.changePersistent({ orderlyState });
  },
});
