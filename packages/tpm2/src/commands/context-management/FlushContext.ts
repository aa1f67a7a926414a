import { defineCommand } from "../../dispatch/command.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_RH } from "../../spec/handles.ts";
import { TPM_RC } from "../../spec/response-codes.ts";
import { TPMI_DH_CONTEXT } from "../../spec/structures/index.ts";

/**
 * Removes an object or session from the TPM; a session also when its context is saved outside.
 *
 * @spec Part 3, "TPM2_FlushContext"
 * @rc HANDLE (flushHandle)  there is no such object or session
 */
export const FlushContext = defineCommand({
  code: TPM_CC.FlushContext,
  parameters: { flushHandle: TPMI_DH_CONTEXT },
  noSessions: true,
  execute(tpm, { flushHandle }, at) {
    if (tpm.objects.isObject(flushHandle)) {
      if (tpm.objects.find(flushHandle) === undefined) throw at("flushHandle", TPM_RC.HANDLE);
      tpm.objects.flush(flushHandle);
      return;
    }
    const isActive = tpm.sessions.find(flushHandle) !== undefined || tpm.sessions.isSaved(flushHandle);
    if (!isActive) throw at("flushHandle", TPM_RC.HANDLE);
    if (tpm.ram.exclusiveAuditSession === flushHandle) tpm.changeRam({ exclusiveAuditSession: TPM_RH.UNASSIGNED });
    tpm.sessions.flush(flushHandle);
  },
});
