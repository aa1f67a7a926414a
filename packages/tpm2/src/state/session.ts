import { bits, buffer, struct, type TypeOf, UINT16, UINT32, UINT64 } from "@vtpm/wire";
import { TPM2B_DIGEST, TPM2B_NONCE, TPMA_LOCALITY, TPMT_SYM_DEF_NULLABLE } from "../spec/structures/index.ts";

/** What a session is and what its policy demands; the two bits of libtpms' command processing are not kept. */
export const SESSION_ATTRIBUTES = bits("SESSION_ATTRIBUTES", UINT32, {
  isPolicy: 0,
  isAudit: 1,
  isBound: 2,
  isCpHashDefined: 3,
  isAuthValueNeeded: 4,
  isPasswordNeeded: 5,
  isPPRequired: 6,
  isTrialPolicy: 7,
  isDaBound: 8,
  isLockoutBound: 9,
  checkNvWritten: 11,
  nvWrittenState: 12,
  isTemplateHashDefined: 13,
  isNameHashDefined: 14,
  isParametersHashDefined: 15,
  // Only of profile `latest`; of the keys themselves nothing is kept, since no channel could show them.
  checkSecureChannel: 16,
  checkReqKey: 17,
  checkTpmKey: 18,
});

/** @spec Part 1, "Session Context" */
export const SESSION = struct("SESSION", {
  attributes: SESSION_ATTRIBUTES,
  /** The PCR update counter when TPM2_PolicyPCR was run; 0: PCRs do not matter. */
  pcrCounter: UINT32,
  /** Milliseconds of TPM time at which the policy session (re)started. */
  startTime: UINT64,
  /** Milliseconds of TPM time after which the policy fails; 0: never. */
  timeout: UINT64,
  epoch: UINT32,
  /** The command the policy is for; 0: any. */
  commandCode: UINT32,
  authHashAlg: UINT16,
  commandLocality: TPMA_LOCALITY,
  symmetric: TPMT_SYM_DEF_NULLABLE,
  sessionKey: TPM2B_DIGEST,
  nonceTPM: TPM2B_NONCE,
  /** The bound entity of an HMAC session, or the one hash a policy can be tied to: which, say the attributes. */
  tiedTo: buffer("tiedTo", { max: 0xffff }),
  /** The audit digest of an HMAC session, the policy digest of a policy session. */
  digest: TPM2B_DIGEST,
});
export type SESSION = TypeOf<typeof SESSION>;
