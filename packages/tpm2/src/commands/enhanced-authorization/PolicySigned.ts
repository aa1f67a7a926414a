import { UINT32 } from "@vtpm/wire";
import { defineCommand } from "../../dispatch/command.ts";
import { uint32 } from "../../integer-bytes.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_ALG, TPM_ST } from "../../spec/constants.ts";
import { TPM_RC } from "../../spec/response-codes.ts";
import {
  TPM2B_DIGEST,
  TPM2B_NONCE,
  TPM2B_TIMEOUT,
  TPMI_DH_OBJECT,
  TPMI_SH_POLICY,
  TPMT_SIGNATURE,
  TPMT_TK_AUTH,
} from "../../spec/structures/index.ts";
import { TpmError } from "../../spec/tpm-error.ts";
import { hashNameOf } from "../../subsystems/hash-algorithms.ts";
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
import { verifySignature } from "../../subsystems/signatures.ts";

/**
 * Lets the policy go on with somebody's signature: over this session's nonce, a time, a command, or none of them.
 *
 * @spec Part 3, "TPM2_PolicySigned"
 * @rc NONCE (nonceTPM)      is not this session's
 * @rc EXPIRED (expiration)  the time has passed
 * @rc SIZE (cpHashA)        is not the size of the session's hash
 * @rc CPHASH                the policy is limited by another hash
 * @rc SCHEME (auth)         a scheme that cannot be verified, or not with this key
 * @rc HANDLE (auth)         an HMAC key of which only the public area is loaded
 * @rc SIGNATURE (auth)      is not the key's signature of these parameters
 * @rc HASH (auth)           the profile does not verify with SHA-1
 * @rc KEY_SIZE (auth)       an HMAC key shorter than the profile demands
 */
export const PolicySigned = defineCommand({
  code: TPM_CC.PolicySigned,
  handles: { authObject: TPMI_DH_OBJECT, policySession: TPMI_SH_POLICY },
  parameters: {
    nonceTPM: TPM2B_NONCE,
    cpHashA: TPM2B_DIGEST,
    policyRef: TPM2B_NONCE,
    expiration: UINT32,
    auth: TPMT_SIGNATURE,
  },
  response: { timeout: TPM2B_TIMEOUT, policyTicket: TPMT_TK_AUTH },
  execute(tpm, { authObject, policySession, nonceTPM, cpHashA, policyRef, expiration, auth }, at) {
    const session = tpm.sessions.get(policySession);
    const seconds = signed32(expiration);
    const timeout = isTrial(session) ? 0n : timeoutOf(tpm, session, seconds, nonceTPM);
    if (!isTrial(session)) {
      if (!isOwnNonce(session, nonceTPM)) throw at("nonceTPM", TPM_RC.NONCE);
      if (isOver(tpm, session, timeout)) throw at("expiration", TPM_RC.EXPIRED);
      if (!hasFittingSize(session, cpHashA)) throw at("cpHashA", TPM_RC.SIZE);
      if (!isCompatible(session, cpHashA)) throw new TpmError(TPM_RC.CPHASH);
      const hashAlg = hashOf(auth);
      if (hashAlg === undefined) throw at("auth", TPM_RC.SCHEME);
      const aHash = tpm.crypto.hash(hashNameOf(hashAlg), nonceTPM, uint32(expiration), cpHashA, policyRef);
      const flaw = verifySignature(tpm, authObject, aHash, auth);
      if (flaw !== undefined) throw at("auth", flaw);
    }
    const name = tpm.entities.nameOf(authObject);
    updatePolicy(tpm, policySession, { commandCode: TPM_CC.PolicySigned, name, policyRef, cpHashA, timeout });
    if (seconds >= 0 || isTrial(session)) return noTicket(TPM_ST.AUTH_SIGNED);
    const hierarchy = tpm.entities.hierarchyOf(authObject);
    const expiresOnReset = nonceTPM.length === 0;
    return issueTicket(tpm, { tag: TPM_ST.AUTH_SIGNED, hierarchy, timeout, expiresOnReset, cpHashA, policyRef, name });
  },
});

/** The hash that was signed; ECDAA signatures cannot be verified by a TPM. */
function hashOf(auth: TPMT_SIGNATURE): number | undefined {
  switch (auth.sigAlg) {
    case TPM_ALG.HMAC:
      return auth.signature.hashAlg;
    case TPM_ALG.ECDAA:
      return undefined;
    default:
      return auth.signature.hash;
  }
}
