import { UINT32 } from "@vtpm/wire";
import { authorized, defineCommand } from "../../dispatch/command.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPMI_RH_LOCKOUT } from "../../spec/structures/index.ts";

/**
 * Sets how many failed authorizations lead to lockout, and how long they are remembered.
 *
 * @spec Part 3, "TPM2_DictionaryAttackParameters"
 */
export const DictionaryAttackParameters = defineCommand({
  code: TPM_CC.DictionaryAttackParameters,
  handles: { lockHandle: authorized(TPMI_RH_LOCKOUT, "USER") },
  parameters: { newMaxTries: UINT32, newRecoveryTime: UINT32, lockoutRecovery: UINT32 },
  nv: true,
  execute(tpm, { newMaxTries, newRecoveryTime, lockoutRecovery }) {
    tpm.changePersistent({ maxTries: newMaxTries, recoveryTime: newRecoveryTime, lockoutRecovery });
  },
});
