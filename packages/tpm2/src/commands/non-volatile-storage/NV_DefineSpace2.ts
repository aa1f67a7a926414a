import { authorized, defineCommand } from "../../dispatch/command.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_HT } from "../../spec/handles.ts";
import { TPM_RC } from "../../spec/response-codes.ts";
import { TPM2B_AUTH, TPM2B_NV_PUBLIC_2, TPMI_RH_PROVISION } from "../../spec/structures/index.ts";
import { defineIndex } from "../../subsystems/nv-definition.ts";

/**
 * Defines an NV Index of a kind that the public area tells. As in the reference only Indices inside of the TPM can be used.
 *
 * @spec Part 3, "TPM2_NV_DefineSpace2"
 * @rc HANDLE (publicInfo)      not an Index inside of the TPM
 * @rc SIZE (publicInfo)        policy not as long as a digest of the nameAlg, or data not as long as the type demands
 * @rc SIZE (auth)              longer than a digest of the nameAlg
 * @rc HIERARCHY (authHandle)   the platform's Indices are disabled
 * @rc ATTRIBUTES (publicInfo)  no such type, state that only use can lead to, nobody to read or write, or attributes that exclude each other
 * @rc ATTRIBUTES (authHandle)  PLATFORMCREATE says another creator
 * @rc NV_DEFINED               there is such an Index
 * @rc NV_SPACE                 there is no room for it
 */
export const NV_DefineSpace2 = defineCommand({
  code: TPM_CC.NV_DefineSpace2,
  handles: { authHandle: authorized(TPMI_RH_PROVISION, "USER") },
  parameters: { auth: TPM2B_AUTH, publicInfo: TPM2B_NV_PUBLIC_2 },
  nv: true,
  physicalPresence: "optional",
  execute(tpm, { authHandle, auth, publicInfo }, at) {
    if (publicInfo.handleType !== TPM_HT.NV_INDEX) throw at("publicInfo", TPM_RC.HANDLE);
    defineIndex(tpm, { authHandle, auth, publicInfo: publicInfo.nvPublic2 }, at);
  },
});
