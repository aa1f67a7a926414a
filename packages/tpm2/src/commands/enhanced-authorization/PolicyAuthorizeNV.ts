import { equalBytes, Reader, Refusal } from "@vtpm/wire";
import { authorized, defineCommand } from "../../dispatch/command.ts";
import type { Engine } from "../../engine.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { rcOfReason, TPM_RC } from "../../spec/response-codes.ts";
import { TPMI_RH_NV_AUTH, TPMI_RH_NV_INDEX, TPMI_SH_POLICY, TPMT_HA } from "../../spec/structures/index.ts";
import { TpmError } from "../../spec/tpm-error.ts";
import { clearPolicyDigest, isTrial } from "../../subsystems/policy.ts";
import { updatePolicy } from "../../subsystems/policy-authorization.ts";

/**
 * Exchanges a policy that an NV Index approves for one that only names the Index, so that policies can change.
 *
 * @spec Part 3, "TPM2_PolicyAuthorizeNV"
 * @rc NV_LOCKED         the Index is locked for reading
 * @rc NV_AUTHORIZATION  authHandle may not read the Index
 * @rc NV_UNINITIALIZED  the Index has not been written
 * @rc HASH              the Index holds no TPMT_HA, or one with another hash than the session's
 * @rc INSUFFICIENT      the Index is too small for a TPMT_HA
 * @rc VALUE             the policy so far is another one
 */
export const PolicyAuthorizeNV = defineCommand({
  code: TPM_CC.PolicyAuthorizeNV,
  handles: {
    authHandle: authorized(TPMI_RH_NV_AUTH, "USER"),
    nvIndex: TPMI_RH_NV_INDEX,
    policySession: TPMI_SH_POLICY,
  },
  execute(tpm, { authHandle, nvIndex, policySession }) {
    const session = tpm.sessions.get(policySession);
    if (!isTrial(session)) {
      const approved = approvedPolicy(tpm, nvIndex, authHandle);
      if (approved.hashAlg !== session.authHashAlg) throw new TpmError(TPM_RC.HASH);
      if (!equalBytes(approved.digest, session.digest)) throw new TpmError(TPM_RC.VALUE);
    }
    clearPolicyDigest(tpm, policySession);
    updatePolicy(tpm, policySession, { commandCode: TPM_CC.PolicyAuthorizeNV, name: tpm.entities.nameOf(nvIndex) });
  },
});

/** The TPMT_HA at the start of the Index; what is wrong with it is nobody's parameter. */
function approvedPolicy(tpm: Engine, nvIndex: number, authHandle: number): TPMT_HA {
  const { data } = tpm.nv.forRead(nvIndex, authHandle);
  try {
    return TPMT_HA.read(new Reader(data, tpm.profile));
  } catch (error) {
    if (error instanceof Refusal) throw new TpmError(rcOfReason(error.reason), { cause: error });
    throw error;
  }
}
