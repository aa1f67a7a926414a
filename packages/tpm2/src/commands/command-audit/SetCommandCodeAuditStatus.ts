import { authorized, defineCommand } from "../../dispatch/command.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_ALG } from "../../spec/constants.ts";
import { TPM_RC } from "../../spec/response-codes.ts";
import { TPMI_ALG_HASH_NULLABLE, TPMI_RH_PROVISION, TPML_CC } from "../../spec/structures/index.ts";

/**
 * Sets which commands are audited, or with which hash algorithm; one of the two at a time.
 *
 * @spec Part 3, "TPM2_SetCommandCodeAuditStatus"
 * @rc VALUE (auditAlg)  another algorithm and changes of the lists in one command
 */
export const SetCommandCodeAuditStatus = defineCommand({
  code: TPM_CC.SetCommandCodeAuditStatus,
  handles: { auth: authorized(TPMI_RH_PROVISION, "USER") },
  parameters: { auditAlg: TPMI_ALG_HASH_NULLABLE, setList: TPML_CC, clearList: TPML_CC },
  nv: true,
  physicalPresence: "optional",
  execute(tpm, { auditAlg, setList, clearList }, at) {
    if (auditAlg === TPM_ALG.NULL || auditAlg === tpm.persistent.auditHashAlg) {
      tpm.audit.select(setList, clearList);
      return;
    }
    if (setList.length !== 0 || clearList.length !== 0) throw at("auditAlg", TPM_RC.VALUE);
    tpm.audit.changeAlgorithm(auditAlg);
  },
});
