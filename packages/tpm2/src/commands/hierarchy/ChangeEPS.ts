import { EMPTY } from "@vtpm/wire";
import { authorized, defineCommand } from "../../dispatch/command.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_ALG } from "../../spec/constants.ts";
import { TPM_RH } from "../../spec/handles.ts";
import { TPMI_RH_PLATFORM } from "../../spec/structures/index.ts";

/**
 * Replaces the endorsement primary seed and resets the hierarchy: its objects are gone for ever.
 *
 * @spec Part 3, "TPM2_ChangeEPS"
 */
export const ChangeEPS = defineCommand({
  code: TPM_CC.ChangeEPS,
  handles: { authHandle: authorized(TPMI_RH_PLATFORM, "USER") },
  nv: true,
  extensive: true,
  physicalPresence: "optional",
  execute(tpm) {
    const { hierarchies } = tpm;
    const [EPSeed, ehProof] = [hierarchies.newSecret(), hierarchies.newSecret()];
    tpm.changePersistent({ EPSeed, ehProof, EPSeedCompatLevel: hierarchies.newSeedLevel });
    tpm.changePersistent({ endorsementAuth: EMPTY, endorsementAlg: TPM_ALG.NULL, endorsementPolicy: EMPTY });
    tpm.changeStateClear({ ehEnable: 1 });
    tpm.objects.flushHierarchy(TPM_RH.ENDORSEMENT);
    tpm.nv.flushHierarchy(TPM_RH.ENDORSEMENT);
    tpm.clearOrderly();
  },
});
