import { equalBytesConstantTime } from "@vtpm/crypto";
import { equalBytes, Reader } from "@vtpm/wire";
import { defineCommand } from "../../dispatch/command.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_RC } from "../../spec/response-codes.ts";
import {
  TPM2B_DIGEST,
  TPM2B_NAME,
  TPM2B_NONCE,
  TPMI_ALG_HASH,
  TPMI_SH_POLICY,
  TPMT_TK_VERIFIED,
} from "../../spec/structures/index.ts";
import { digestSizeOf, hashNameOf } from "../../subsystems/hash-algorithms.ts";
import { clearPolicyDigest, isTrial } from "../../subsystems/policy.ts";
import { updatePolicy } from "../../subsystems/policy-authorization.ts";
import { verifiedTicket } from "../../subsystems/tickets.ts";

/** A Name begins with the algorithm of its hash. */
const NAME_ALG_SIZE = 2;

/**
 * Exchanges a policy that an authority has signed for one that only names the authority, so that policies can change.
 *
 * @spec Part 3, "TPM2_PolicyAuthorize"
 * @rc SIZE (keySign)          is no Name: too short, or not the size its algorithm gives
 * @rc HASH (keySign)          begins with an algorithm that is no hash of this TPM
 * @rc VALUE (approvedPolicy)  the policy so far is another one
 * @rc VALUE (checkTicket)     does not say that the key has signed approvedPolicy
 * @rc FW_LIMITED  the ticket's hierarchy is limited to a firmware that the platform tells nothing of
 * @rc SVN_LIMITED  the ticket's hierarchy is limited to an SVN that the firmware does not have
 */
export const PolicyAuthorize = defineCommand({
  code: TPM_CC.PolicyAuthorize,
  handles: { policySession: TPMI_SH_POLICY },
  parameters: {
    approvedPolicy: TPM2B_DIGEST,
    policyRef: TPM2B_NONCE,
    keySign: TPM2B_NAME,
    checkTicket: TPMT_TK_VERIFIED,
  },
  execute(tpm, { policySession, approvedPolicy, policyRef, keySign, checkTicket }, at) {
    const session = tpm.sessions.get(policySession);
    if (keySign.length < NAME_ALG_SIZE) throw at("keySign", TPM_RC.SIZE);
    const nameAlg = new Reader(keySign).uint16();
    if (!TPMI_ALG_HASH.includes(nameAlg) || !tpm.profile.allows("ALG", nameAlg)) throw at("keySign", TPM_RC.HASH);
    if (keySign.length !== NAME_ALG_SIZE + digestSizeOf(nameAlg)) throw at("keySign", TPM_RC.SIZE);
    if (!isTrial(session)) {
      if (!equalBytes(approvedPolicy, session.digest)) throw at("approvedPolicy", TPM_RC.VALUE);
      const aHash = tpm.crypto.hash(hashNameOf(nameAlg), approvedPolicy, policyRef);
      const expected = verifiedTicket(tpm, checkTicket.hierarchy, aHash, keySign);
      if (!equalBytesConstantTime(checkTicket.digest, expected.digest)) throw at("checkTicket", TPM_RC.VALUE);
    }
    clearPolicyDigest(tpm, policySession);
    updatePolicy(tpm, policySession, { commandCode: TPM_CC.PolicyAuthorize, name: keySign, policyRef });
  },
});
