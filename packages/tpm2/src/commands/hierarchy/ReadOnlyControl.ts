import { authorized, defineCommand } from "../../dispatch/command.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPMI_RH_PLATFORM, TPMI_YES_NO } from "../../spec/structures/index.ts";
import { setReadOnly } from "../../subsystems/read-only.ts";

/**
 * Turns Read-Only mode on or off, in which nothing that lasts can be changed.
 *
 * @spec Part 3, "TPM2_ReadOnlyControl"
 */
export const ReadOnlyControl = defineCommand({
  code: TPM_CC.ReadOnlyControl,
  handles: { authHandle: authorized(TPMI_RH_PLATFORM, "USER") },
  parameters: { state: TPMI_YES_NO },
  nv: true,
  physicalPresence: "optional",
  execute(tpm, { state }) {
    setReadOnly(tpm, state);
  },
});
