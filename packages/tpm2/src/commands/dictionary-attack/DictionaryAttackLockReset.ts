import { authorized, defineCommand } from "../../dispatch/command.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPMI_RH_LOCKOUT } from "../../spec/structures/index.ts";

/**
 * Forgives all failed authorizations.
 *
 * @spec Part 3, "TPM2_DictionaryAttackLockReset"
 */
export const DictionaryAttackLockReset = defineCommand({
  code: TPM_CC.DictionaryAttackLockReset,
  handles: { lockHandle: authorized(TPMI_RH_LOCKOUT, "USER") },
  nv: true,
  execute(tpm) {
    tpm.changePersistent({ failedTries: 0 });
  },
});
