import { defineCommand } from "../../dispatch/command.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_RC } from "../../spec/response-codes.ts";
import { TPMA_LOCALITY, TPMI_SH_POLICY } from "../../spec/structures/index.ts";
import { extendPolicy } from "../../subsystems/policy.ts";

/** From here on the byte is one locality, below it is a set. */
const FIRST_EXTENDED = 32;

/**
 * Limits the policy to commands from certain localities.
 *
 * @spec Part 3, "TPM2_PolicyLocality"
 * @rc RANGE (locality)  names no locality, or none that the policy allowed until now
 */
export const PolicyLocality = defineCommand({
  code: TPM_CC.PolicyLocality,
  handles: { policySession: TPMI_SH_POLICY },
  parameters: { locality: TPMA_LOCALITY },
  execute(tpm, { policySession, locality }, at) {
    const { commandLocality } = tpm.sessions.get(policySession);
    const allowed = commandLocality === 0 ? locality : inBoth(commandLocality, locality);
    if (allowed === 0) throw at("locality", TPM_RC.RANGE);
    extendPolicy(tpm, policySession, TPM_CC.PolicyLocality, Uint8Array.of(locality));
    tpm.sessions.change(policySession, { commandLocality: allowed });
  },
});

/** What two TPMA_LOCALITY have in common; a set and a single locality have nothing. */
function inBoth(a: number, b: number): number {
  if (a >= FIRST_EXTENDED || b >= FIRST_EXTENDED) return a === b ? a : 0;
  let common = 0;
  for (let bit = 1; bit < FIRST_EXTENDED; bit *= 2) {
    if (TPMA_LOCALITY.intersects(a, bit) && TPMA_LOCALITY.intersects(b, bit)) common += bit;
  }
  return common;
}
