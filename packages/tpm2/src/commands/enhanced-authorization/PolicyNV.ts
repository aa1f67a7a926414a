import { UINT16 } from "@vtpm/wire";
import { authorized, defineCommand } from "../../dispatch/command.ts";
import { uint16 } from "../../integer-bytes.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_RC } from "../../spec/response-codes.ts";
import {
  TPM_EO_ID,
  TPM2B_OPERAND,
  TPMI_RH_NV_AUTH,
  TPMI_RH_NV_INDEX,
  TPMI_SH_POLICY,
} from "../../spec/structures/index.ts";
import { TpmError } from "../../spec/tpm-error.ts";
import { hashNameOf } from "../../subsystems/hash-algorithms.ts";
import { extendPolicy, isTrial } from "../../subsystems/policy.ts";
import { isConditionMet } from "../../subsystems/policy-condition.ts";

/**
 * Lets the policy go on only while the contents of an NV Index compare as demanded.
 *
 * @spec Part 3, "TPM2_PolicyNV"
 * @rc NV_LOCKED         the Index is locked for reading
 * @rc NV_AUTHORIZATION  authHandle may not read the Index
 * @rc NV_UNINITIALIZED  the Index has not been written
 * @rc VALUE (offset)    starts past the end of the Index
 * @rc SIZE (operandB)   reaches past the end of the Index
 * @rc POLICY            the comparison fails
 */
export const PolicyNV = defineCommand({
  code: TPM_CC.PolicyNV,
  handles: {
    authHandle: authorized(TPMI_RH_NV_AUTH, "USER"),
    nvIndex: TPMI_RH_NV_INDEX,
    policySession: TPMI_SH_POLICY,
  },
  parameters: { operandB: TPM2B_OPERAND, offset: UINT16, operation: TPM_EO_ID },
  execute(tpm, { authHandle, nvIndex, policySession, operandB, offset, operation }, at) {
    const session = tpm.sessions.get(policySession);
    if (!isTrial(session)) {
      const { data } = tpm.nv.forRead(nvIndex, authHandle);
      if (offset > data.length) throw at("offset", TPM_RC.VALUE);
      if (operandB.length > data.length - offset) throw at("operandB", TPM_RC.SIZE);
      const operandA = data.slice(offset, offset + operandB.length);
      if (!isConditionMet(operation, operandA, operandB)) throw new TpmError(TPM_RC.POLICY);
    }
    const hash = hashNameOf(session.authHashAlg);
    const args = tpm.crypto.hash(hash, operandB, uint16(offset), uint16(operation));
    extendPolicy(tpm, policySession, TPM_CC.PolicyNV, args, tpm.entities.nameOf(nvIndex));
  },
});
