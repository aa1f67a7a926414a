import { UINT32 } from "@vtpm/wire";
import { defineCommand } from "../../dispatch/command.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { NO, TPM_CAP, YES } from "../../spec/constants.ts";
import { handleTypeOf, TPM_HT, TPM_RH } from "../../spec/handles.ts";
import type { LimitName } from "../../spec/limits.ts";
import { TPM_RC } from "../../spec/response-codes.ts";
import { TPM_CAP_ID, TPMI_YES_NO, TPMS_CAPABILITY_DATA } from "../../spec/structures/index.ts";
import {
  algorithms,
  authPolicies,
  commandAttributes,
  commandsFrom,
  curves,
  pcrProperties,
} from "../../subsystems/capabilities.ts";
import { handlesOfType } from "../../subsystems/handle-lists.ts";
import { page } from "../../subsystems/page.ts";
import { tpmProperties } from "../../subsystems/tpm-properties.ts";

/**
 * Tells what the TPM can do, has, and how it is set: a list from a starting value on, and whether more would follow.
 *
 * @spec Part 3, "TPM2_GetCapability"
 * @rc VALUE (capability)  not a capability of this TPM
 * @rc HANDLE (property)   a kind of handle of which there are no lists
 * @rc VALUE (property)    not a start of this capability's list
 */
export const GetCapability = defineCommand({
  code: TPM_CC.GetCapability,
  parameters: { capability: TPM_CAP_ID, property: UINT32, propertyCount: UINT32 },
  response: { moreData: TPMI_YES_NO, capabilityData: TPMS_CAPABILITY_DATA },
  execute(tpm, { capability, property, propertyCount }, at) {
    const { profile, persistent } = tpm;
    const paged = <T>(all: readonly T[], limit: LimitName): { data: readonly T[]; moreData: TPMI_YES_NO } => {
      const { items, more } = page(all, propertyCount, profile.limit(limit));
      return { data: items, moreData: more ? YES : NO };
    };
    switch (capability) {
      case TPM_CAP.ALGS: {
        const { data, moreData } = paged(algorithms(tpm, property), "MAX_CAP_ALGS");
        return { moreData, capabilityData: { capability, data } };
      }
      case TPM_CAP.HANDLES: {
        const handles = handlesOfType(tpm, property);
        if (handles === undefined) throw at("property", TPM_RC.HANDLE);
        const { data, moreData } = paged(handles, "MAX_CAP_HANDLES");
        return { moreData, capabilityData: { capability, data } };
      }
      case TPM_CAP.COMMANDS: {
        const { data, moreData } = paged(commandAttributes(tpm, property), "MAX_CAP_CC");
        return { moreData, capabilityData: { capability, data } };
      }
      case TPM_CAP.PP_COMMANDS:
      case TPM_CAP.AUDIT_COMMANDS: {
        const codes = capability === TPM_CAP.PP_COMMANDS ? persistent.ppList : persistent.auditCommands;
        const { data, moreData } = paged(commandsFrom(tpm, codes, property), "MAX_CAP_CC");
        return { moreData, capabilityData: { capability, data } };
      }
      case TPM_CAP.PCRS: {
        if (property !== 0) throw at("property", TPM_RC.VALUE);
        // All banks or none.
        if (propertyCount === 0) return { moreData: YES, capabilityData: { capability, data: [] } };
        const banks = tpm.pcr.banks().filter(({ hash }) => profile.allows("ALG", hash));
        return { moreData: NO, capabilityData: { capability, data: banks } };
      }
      case TPM_CAP.TPM_PROPERTIES: {
        const { data, moreData } = paged(tpmProperties(tpm, property), "MAX_TPM_PROPERTIES");
        return { moreData, capabilityData: { capability, data } };
      }
      case TPM_CAP.PCR_PROPERTIES: {
        const { data, moreData } = paged(pcrProperties(tpm, property), "MAX_PCR_PROPERTIES");
        return { moreData, capabilityData: { capability, data } };
      }
      case TPM_CAP.ECC_CURVES: {
        const { data, moreData } = paged(curves(tpm, property), "MAX_ECC_CURVES");
        return { moreData, capabilityData: { capability, data } };
      }
      case TPM_CAP.AUTH_POLICIES: {
        if (handleTypeOf(property) !== TPM_HT.PERMANENT) throw at("property", TPM_RC.VALUE);
        const { data, moreData } = paged(authPolicies(tpm, property), "MAX_TAGGED_POLICIES");
        return { moreData, capabilityData: { capability, data } };
      }
      case TPM_CAP.ACT: {
        if (property < TPM_RH.ACT_0 || property > TPM_RH.ACT_F) throw at("property", TPM_RC.VALUE);
        const { data, moreData } = paged(tpm.timers.list(property), "MAX_ACT_DATA");
        return { moreData, capabilityData: { capability, data } };
      }
      default:
        throw at("capability", TPM_RC.VALUE);
    }
  },
});
