import { authorized, defineCommand } from "../../dispatch/command.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM2B_AUTH, TPM2B_NV_PUBLIC, TPMI_RH_PROVISION } from "../../spec/structures/index.ts";
import { defineIndex } from "../../subsystems/nv-definition.ts";

/**
 * Defines an NV Index.
 *
 * @spec Part 3, "TPM2_NV_DefineSpace"
 * @rc SIZE (publicInfo)        policy not as long as a digest of the nameAlg, or data not as long as the type demands
 * @rc SIZE (auth)              longer than a digest of the nameAlg
 * @rc HIERARCHY (authHandle)   the platform's Indices are disabled
 * @rc ATTRIBUTES (publicInfo)  no such type, state that only use can lead to, nobody to read or write, or attributes that exclude each other
 * @rc ATTRIBUTES (authHandle)  PLATFORMCREATE says another creator
 * @rc NV_DEFINED               there is such an Index
 * @rc NV_SPACE                 there is no room for it
 */
export const NV_DefineSpace = defineCommand({
  code: TPM_CC.NV_DefineSpace,
  handles: { authHandle: authorized(TPMI_RH_PROVISION, "USER") },
  parameters: { auth: TPM2B_AUTH, publicInfo: TPM2B_NV_PUBLIC },
  nv: true,
  physicalPresence: "optional",
  execute: defineIndex,
});
