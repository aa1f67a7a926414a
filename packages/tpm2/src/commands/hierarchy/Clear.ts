import { EMPTY } from "@vtpm/wire";
import { authorized, defineCommand } from "../../dispatch/command.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_ALG } from "../../spec/constants.ts";
import { TPM_RH } from "../../spec/handles.ts";
import { TPM_RC } from "../../spec/response-codes.ts";
import { TPMI_RH_CLEAR } from "../../spec/structures/index.ts";
import { TpmError } from "../../spec/tpm-error.ts";
import { LOCKOUT_DEFAULTS } from "../../subsystems/lockout.ts";

/**
 * Removes everything of the owner: storage seed, authorizations, policies, objects, Indices, counters, Clock.
 *
 * @spec Part 3, "TPM2_Clear"
 * @rc DISABLED  TPM2_ClearControl has forbidden it
 */
export const Clear = defineCommand({
  code: TPM_CC.Clear,
  handles: { authHandle: authorized(TPMI_RH_CLEAR, "USER") },
  nv: true,
  extensive: true,
  physicalPresence: "optional",
  execute(tpm) {
    if (tpm.persistent.disableClear === 1) throw new TpmError(TPM_RC.DISABLED);
    const { hierarchies } = tpm;
    const [SPSeed, shProof, ehProof] = [hierarchies.newSecret(), hierarchies.newSecret(), hierarchies.newSecret()];
    tpm.changePersistent({ SPSeed, shProof, ehProof, SPSeedCompatLevel: hierarchies.newSeedLevel });
    tpm.changePersistent({ ownerAuth: EMPTY, endorsementAuth: EMPTY, lockoutAuth: EMPTY });
    tpm.changePersistent({ ownerAlg: TPM_ALG.NULL, endorsementAlg: TPM_ALG.NULL, lockoutAlg: TPM_ALG.NULL });
    tpm.changePersistent({ ownerPolicy: EMPTY, endorsementPolicy: EMPTY, lockoutPolicy: EMPTY });
    tpm.changeStateClear({ shEnable: 1, ehEnable: 1 });
    for (const hierarchy of [TPM_RH.OWNER, TPM_RH.ENDORSEMENT]) {
      tpm.objects.flushHierarchy(hierarchy);
      tpm.nv.flushHierarchy(hierarchy);
    }
    tpm.changePersistent(LOCKOUT_DEFAULTS);
    tpm.changeOrderly({ clock: 0n, clockSafe: 1 });
    tpm.changeNv({ orderly: tpm.orderly });
    tpm.changePersistent({ resetCount: 0, auditCounter: 0n });
    tpm.changeStateReset({ restartCount: 0, clearCount: 0 });
    // The reference writes its whole running state here, which takes back a PCR allocation that has not come into force.
    tpm.changePersistent({ pcrAllocated: tpm.ram.pcrAllocated });
    tpm.pcr.clearAuthValue();
    tpm.pcr.changed(0);
    tpm.clearOrderly();
  },
});
