import { authorized, defineCommand } from "../../dispatch/command.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPMI_RH_PROVISION } from "../../spec/structures/index.ts";

/**
 * Locks all NV Indices with GLOBALLOCK against writing.
 *
 * @spec Part 3, "TPM2_NV_GlobalWriteLock"
 */
export const NV_GlobalWriteLock = defineCommand({
  code: TPM_CC.NV_GlobalWriteLock,
  handles: { authHandle: authorized(TPMI_RH_PROVISION, "USER") },
  nv: true,
  physicalPresence: "optional",
  execute(tpm) {
    tpm.nv.lockGlobally();
  },
});
