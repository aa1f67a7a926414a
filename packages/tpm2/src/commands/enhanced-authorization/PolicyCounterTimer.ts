import { encode, UINT16 } from "@vtpm/wire";
import { defineCommand } from "../../dispatch/command.ts";
import { uint16 } from "../../integer-bytes.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_RC } from "../../spec/response-codes.ts";
import { TPM_EO_ID, TPM2B_OPERAND, TPMI_SH_POLICY, TPMS_TIME_INFO } from "../../spec/structures/index.ts";
import { TpmError } from "../../spec/tpm-error.ts";
import { hashNameOf } from "../../subsystems/hash-algorithms.ts";
import { extendPolicy, isTrial } from "../../subsystems/policy.ts";
import { isConditionMet } from "../../subsystems/policy-condition.ts";

/**
 * Lets the policy go on only while a part of TPMS_TIME_INFO compares as demanded.
 *
 * @spec Part 3, "TPM2_PolicyCounterTimer"
 * @rc VALUE (offset)  starts past the end of TPMS_TIME_INFO
 * @rc RANGE           operandB reaches past that end
 * @rc POLICY          the comparison fails
 */
export const PolicyCounterTimer = defineCommand({
  code: TPM_CC.PolicyCounterTimer,
  handles: { policySession: TPMI_SH_POLICY },
  parameters: { operandB: TPM2B_OPERAND, offset: UINT16, operation: TPM_EO_ID },
  execute(tpm, { policySession, operandB, offset, operation }, at) {
    const timeInfo = encode(TPMS_TIME_INFO, tpm.clock.timeInfo());
    // Even a trial policy has no use for what no TPM could ever compare.
    if (offset > timeInfo.length) throw at("offset", TPM_RC.VALUE);
    if (operandB.length > timeInfo.length - offset) throw new TpmError(TPM_RC.RANGE);
    const session = tpm.sessions.get(policySession);
    const operandA = timeInfo.slice(offset, offset + operandB.length);
    if (!isTrial(session) && !isConditionMet(operation, operandA, operandB)) throw new TpmError(TPM_RC.POLICY);
    const hash = hashNameOf(session.authHashAlg);
    const args = tpm.crypto.hash(hash, operandB, uint16(offset), uint16(operation));
    extendPolicy(tpm, policySession, TPM_CC.PolicyCounterTimer, args);
  },
});
