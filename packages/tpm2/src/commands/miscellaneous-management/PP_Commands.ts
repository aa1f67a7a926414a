import { authorized, defineCommand } from "../../dispatch/command.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPMI_RH_PLATFORM, TPML_CC } from "../../spec/structures/index.ts";

/**
 * Sets for which commands the platform's authorization needs somebody at the machine. Commands for which that cannot be
 * set are passed over.
 *
 * @spec Part 3, "TPM2_PP_Commands"
 */
export const PP_Commands = defineCommand({
  code: TPM_CC.PP_Commands,
  handles: { auth: authorized(TPMI_RH_PLATFORM, "USER") },
  parameters: { setList: TPML_CC, clearList: TPML_CC },
  nv: true,
  physicalPresence: "required",
  execute(tpm, { setList, clearList }) {
    const needed = new Set(tpm.persistent.ppList);
    const mayChange = (code: number): boolean =>
      tpm.profile.allows("CC", code) && tpm.commands.get(code)?.physicalPresence === "optional";
    for (const code of setList) if (mayChange(code)) needed.add(code);
    for (const code of clearList) if (mayChange(code)) needed.delete(code);
    tpm.changePersistent({ ppList: [...needed].sort((a, b) => a - b) });
  },
});
