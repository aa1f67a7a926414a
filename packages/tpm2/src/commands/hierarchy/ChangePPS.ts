import { EMPTY } from "@vtpm/wire";
import { authorized, defineCommand } from "../../dispatch/command.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_ALG } from "../../spec/constants.ts";
import { TPM_RH } from "../../spec/handles.ts";
import { TPMI_RH_PLATFORM } from "../../spec/structures/index.ts";

/**
 * Replaces the platform's primary seed: its objects are gone for ever, its policies with them.
 *
 * @spec Part 3, "TPM2_ChangePPS"
 */
export const ChangePPS = defineCommand({
  code: TPM_CC.ChangePPS,
  handles: { authHandle: authorized(TPMI_RH_PLATFORM, "USER") },
  nv: true,
  extensive: true,
  physicalPresence: "optional",
  execute(tpm) {
    const { hierarchies } = tpm;
    const [PPSeed, phProof] = [hierarchies.newSecret(), hierarchies.newSecret()];
    tpm.changePersistent({ PPSeed, phProof, PPSeedCompatLevel: hierarchies.newSeedLevel });
    tpm.changePersistent({ pcrPolicyAlg: TPM_ALG.NULL, pcrPolicy: EMPTY });
    tpm.changeStateClear({ platformAlg: TPM_ALG.NULL, platformPolicy: EMPTY });
    tpm.objects.flushHierarchy(TPM_RH.PLATFORM);
    tpm.nv.flushHierarchy(TPM_RH.PLATFORM);
    tpm.clearOrderly();
  },
});
