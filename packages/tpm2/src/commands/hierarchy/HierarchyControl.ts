import { authorized, defineCommand } from "../../dispatch/command.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_RH } from "../../spec/handles.ts";
import { TPM_RC } from "../../spec/response-codes.ts";
import { TPMI_RH_BASE_HIERARCHY, TPMI_RH_ENABLES, TPMI_YES_NO } from "../../spec/structures/index.ts";
import { TpmError } from "../../spec/tpm-error.ts";

/**
 * Enables or disables a hierarchy, or the platform's NV Indices. What is disabled loses its transient objects.
 *
 * @spec Part 3, "TPM2_HierarchyControl"
 * @rc AUTH_TYPE  neither the platform nor the hierarchy itself authorizes
 */
export const HierarchyControl = defineCommand({
  code: TPM_CC.HierarchyControl,
  handles: { authHandle: authorized(TPMI_RH_BASE_HIERARCHY, "USER") },
  parameters: { enable: TPMI_RH_ENABLES, state: TPMI_YES_NO },
  nv: true,
  extensive: true,
  physicalPresence: "optional",
  execute(tpm, { authHandle, enable, state }) {
    // A disabled hierarchy cannot authorize, so that only the platform can enable it again.
    if (authHandle !== TPM_RH.PLATFORM && authHandle !== enable) throw new TpmError(TPM_RC.AUTH_TYPE);
    if (tpm.hierarchies.isEnabled(enable) === (state === 1)) return;
    tpm.clearOrderly();
    tpm.hierarchies.setEnable(enable, state);
    if (state === 0 && enable !== TPM_RH.PLATFORM_NV) tpm.objects.flushHierarchy(enable);
  },
});
