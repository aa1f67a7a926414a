import { UINT32 } from "@vtpm/wire";
import { authorized, defineCommand } from "../../dispatch/command.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_ST } from "../../spec/constants.ts";
import { TPM_RC } from "../../spec/response-codes.ts";
import {
  TPM2B_DIGEST,
  TPM2B_NONCE,
  TPM2B_TIMEOUT,
  TPMI_DH_ENTITY,
  TPMI_SH_POLICY,
  TPMT_TK_AUTH,
} from "../../spec/structures/index.ts";
import { TpmError } from "../../spec/tpm-error.ts";
import { isTrial } from "../../subsystems/policy.ts";
import {
  hasFittingSize,
  isCompatible,
  isOver,
  isOwnNonce,
  signed32,
  timeoutOf,
  updatePolicy,
} from "../../subsystems/policy-authorization.ts";
import { issueTicket, noTicket } from "../../subsystems/policy-ticket.ts";
import { checkPinCountable } from "../../subsystems/read-only.ts";

/**
 * Lets the policy go on because the caller knows the authValue of another entity.
 *
 * @spec Part 3, "TPM2_PolicySecret"
 * @rc READ_ONLY             the TPM is in Read-Only mode, and uses of the authValue are counted
 * @rc NONCE (nonceTPM)      is not this session's
 * @rc EXPIRED (expiration)  the time has passed
 * @rc SIZE (cpHashA)        is not the size of the session's hash
 * @rc CPHASH                the policy is limited by another hash
 */
export const PolicySecret = defineCommand({
  code: TPM_CC.PolicySecret,
  handles: { authHandle: authorized(TPMI_DH_ENTITY, "USER"), policySession: TPMI_SH_POLICY },
  parameters: { nonceTPM: TPM2B_NONCE, cpHashA: TPM2B_DIGEST, policyRef: TPM2B_NONCE, expiration: UINT32 },
  response: { timeout: TPM2B_TIMEOUT, policyTicket: TPMT_TK_AUTH },
  execute(tpm, { authHandle, policySession, nonceTPM, cpHashA, policyRef, expiration }, at) {
    checkPinCountable(tpm, authHandle);
    const session = tpm.sessions.get(policySession);
    const seconds = signed32(expiration);
    const timeout = isTrial(session) ? 0n : timeoutOf(tpm, session, seconds, nonceTPM);
    if (!isTrial(session)) {
      if (!isOwnNonce(session, nonceTPM)) throw at("nonceTPM", TPM_RC.NONCE);
      if (isOver(tpm, session, timeout)) throw at("expiration", TPM_RC.EXPIRED);
      if (!hasFittingSize(session, cpHashA)) throw at("cpHashA", TPM_RC.SIZE);
      if (!isCompatible(session, cpHashA)) throw new TpmError(TPM_RC.CPHASH);
    }
    const name = tpm.entities.nameOf(authHandle);
    updatePolicy(tpm, policySession, { commandCode: TPM_CC.PolicySecret, name, policyRef, cpHashA, timeout });
    // A ticket would be one more use of a PIN than the Index counts.
    if (seconds >= 0 || isTrial(session) || tpm.nv.isPinPass(authHandle)) return noTicket(TPM_ST.AUTH_SECRET);
    const hierarchy = tpm.entities.hierarchyOf(authHandle);
    const expiresOnReset = nonceTPM.length === 0;
    return issueTicket(tpm, { tag: TPM_ST.AUTH_SECRET, hierarchy, timeout, expiresOnReset, cpHashA, policyRef, name });
  },
});
