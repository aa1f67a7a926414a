import { UINT16, UINT32 } from "@vtpm/wire";
import { defineCommand } from "../../dispatch/command.ts";
import { uint16, uint32 } from "../../integer-bytes.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_EO } from "../../spec/constants.ts";
import { TPM_RC } from "../../spec/response-codes.ts";
import { TPM_CAP_ID, TPM_EO_ID, TPM2B_OPERAND, TPMI_SH_POLICY } from "../../spec/structures/index.ts";
import { TpmError } from "../../spec/tpm-error.ts";
import { hashNameOf } from "../../subsystems/hash-algorithms.ts";
import { extendPolicy, isTrial } from "../../subsystems/policy.ts";
import { capabilityOf, propertyFlaw } from "../../subsystems/policy-capability.ts";
import { isConditionMet } from "../../subsystems/policy-condition.ts";

/**
 * Lets the policy go on only while a capability of the TPM compares as demanded. What the TPM does not have differs from
 * everything.
 *
 * @spec Part 3, "TPM2_PolicyCapability"
 * @rc HANDLE (property)    a type of handle that the TPM does not list
 * @rc VALUE (property)     is no permanent handle, where policies are asked for, or no timer's, where timers are
 * @rc VALUE (capability)   cannot be compared
 * @rc VALUE (offset)       starts past the end of the property
 * @rc SIZE (operandB)      reaches past the end of the property
 * @rc POLICY               the comparison fails
 */
export const PolicyCapability = defineCommand({
  code: TPM_CC.PolicyCapability,
  handles: { policySession: TPMI_SH_POLICY },
  parameters: {
    operandB: TPM2B_OPERAND,
    offset: UINT16,
    operation: TPM_EO_ID,
    capability: TPM_CAP_ID,
    property: UINT32,
  },
  execute(tpm, { policySession, operandB, offset, operation, capability, property }, at) {
    const session = tpm.sessions.get(policySession);
    if (!isTrial(session)) {
      const lookUp = capabilityOf(tpm, capability);
      if (lookUp === undefined) throw at("capability", TPM_RC.VALUE);
      const flaw = propertyFlaw(capability, property);
      if (flaw !== undefined) throw at("property", flaw);
      const value = lookUp(tpm, property);
      if (value === undefined) {
        if (operation !== TPM_EO.NEQ) throw new TpmError(TPM_RC.POLICY);
      } else {
        if (offset > value.length) throw at("offset", TPM_RC.VALUE);
        if (operandB.length > value.length - offset) throw at("operandB", TPM_RC.SIZE);
        const operandA = value.slice(offset, offset + operandB.length);
        if (!isConditionMet(operation, operandA, operandB)) throw new TpmError(TPM_RC.POLICY);
      }
    }
    const what = [uint16(offset), uint16(operation), uint32(capability), uint32(property)];
    const args = tpm.crypto.hash(hashNameOf(session.authHashAlg), operandB, ...what);
    extendPolicy(tpm, policySession, TPM_CC.PolicyCapability, args);
  },
});
