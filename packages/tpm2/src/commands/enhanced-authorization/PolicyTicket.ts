import { defineCommand } from "../../dispatch/command.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_ST } from "../../spec/constants.ts";
import { TPM_RC } from "../../spec/response-codes.ts";
import {
  TPM2B_DIGEST,
  TPM2B_NAME,
  TPM2B_NONCE,
  TPM2B_TIMEOUT,
  TPMI_SH_POLICY,
  TPMT_TK_AUTH,
} from "../../spec/structures/index.ts";
import { TpmError } from "../../spec/tpm-error.ts";
import { isTrial } from "../../subsystems/policy.ts";
import { hasFittingSize, isCompatible, isOver, updatePolicy } from "../../subsystems/policy-authorization.ts";
import { isGenuine, readTimeout } from "../../subsystems/policy-ticket.ts";

/**
 * Lets the policy go on because of an earlier TPM2_PolicySigned or PolicySecret.
 *
 * @spec Part 3, "TPM2_PolicyTicket"
 * @rc ATTRIBUTES (policySession)  is a trial session
 * @rc SIZE (timeout)              is not what this TPM issues
 * @rc EXPIRED (timeout)           has passed
 * @rc SIZE (cpHashA)              is not the size of the session's hash
 * @rc CPHASH                      the policy is limited by another hash
 * @rc TICKET (ticket)             was not issued for these parameters, or not by this TPM
 * @rc FW_LIMITED  the ticket's hierarchy is limited to a firmware that the platform tells nothing of
 * @rc SVN_LIMITED  the ticket's hierarchy is limited to an SVN that the firmware does not have
 */
export const PolicyTicket = defineCommand({
  code: TPM_CC.PolicyTicket,
  handles: { policySession: TPMI_SH_POLICY },
  parameters: {
    timeout: TPM2B_TIMEOUT,
    cpHashA: TPM2B_DIGEST,
    policyRef: TPM2B_NONCE,
    authName: TPM2B_NAME,
    ticket: TPMT_TK_AUTH,
  },
  execute(tpm, { policySession, timeout, cpHashA, policyRef, authName, ticket }, at) {
    const session = tpm.sessions.get(policySession);
    if (isTrial(session)) throw at("policySession", TPM_RC.ATTRIBUTES);
    const limit = readTimeout(timeout);
    if (limit === undefined) throw at("timeout", TPM_RC.SIZE);
    if (isOver(tpm, session, limit.timeout)) throw at("timeout", TPM_RC.EXPIRED);
    if (!hasFittingSize(session, cpHashA)) throw at("cpHashA", TPM_RC.SIZE);
    if (!isCompatible(session, cpHashA)) throw new TpmError(TPM_RC.CPHASH);
    const grant = { tag: ticket.tag, hierarchy: ticket.hierarchy, ...limit, cpHashA, policyRef, name: authName };
    if (!isGenuine(tpm, ticket, grant)) throw at("ticket", TPM_RC.TICKET);
    const commandCode = ticket.tag === TPM_ST.AUTH_SIGNED ? TPM_CC.PolicySigned : TPM_CC.PolicySecret;
    updatePolicy(tpm, policySession, { commandCode, name: authName, policyRef, cpHashA, timeout: limit.timeout });
  },
});
