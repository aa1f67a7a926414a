import { type At, authorized, defineCommand } from "../../dispatch/command.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_HT } from "../../spec/handles.ts";
import { TPM_RC } from "../../spec/response-codes.ts";
import { TPM2B_AUTH, TPM2B_NV_PUBLIC_2, TPMI_RH_PROVISION } from "../../spec/structures/index.ts";
import type { NV_PUBLIC_AREA } from "../../state/nv-index.ts";
import { defineIndex } from "../../subsystems/nv-definition.ts";

/**
 * Defines an NV Index of a kind that the public area tells. External Indices are kept where all others are; what they could ask
 * for beyond that nobody could keep here: memory outside of the TPM that is encrypted, protected and cannot be set back.
 *
 * @spec Part 3, "TPM2_NV_DefineSpace2"
 * @rc HANDLE (publicInfo)      a permanent Index, of which there are only the vendor's
 * @rc SIZE (publicInfo)        policy not as long as a digest of the nameAlg, or data not as long as the type demands
 * @rc SIZE (auth)              longer than a digest of the nameAlg
 * @rc HIERARCHY (authHandle)   the platform's Indices are disabled
 * @rc ATTRIBUTES (publicInfo)  memory that is protected in one of those ways, no such type, state that only use can lead to, nobody to read or write, or attributes that exclude each other
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
    defineIndex(tpm, { authHandle, auth, publicInfo: publicAreaOf(publicInfo, at) }, at);
  },
});

function publicAreaOf({ handleType, nvPublic2 }: TPM2B_NV_PUBLIC_2, at: At<"publicInfo">): NV_PUBLIC_AREA {
  switch (handleType) {
    case TPM_HT.NV_INDEX:
      return nvPublic2;
    case TPM_HT.EXTERNAL_NV:
      if (nvPublic2.attributes.external !== 0) throw at("publicInfo", TPM_RC.ATTRIBUTES);
      return { ...nvPublic2, attributes: nvPublic2.attributes.nv };
    case TPM_HT.PERMANENT_NV:
      throw at("publicInfo", TPM_RC.HANDLE);
  }
}
