import { defineCommand } from "../../dispatch/command.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_RH } from "../../spec/handles.ts";
import {
  TPM2B_DIGEST,
  TPM2B_MAX_BUFFER,
  TPMI_ALG_HASH,
  TPMI_RH_HIERARCHY_NULLABLE,
  TPMT_TK_HASHCHECK,
} from "../../spec/structures/index.ts";
import { hashNameOf } from "../../subsystems/hash-algorithms.ts";
import { noHashcheck, startsAsGenerated } from "../../subsystems/hashcheck.ts";
import { hashcheckTicket } from "../../subsystems/tickets.ts";

/**
 * Hashes data in one call. The ticket, which lets a restricted key sign the digest, is empty for data that starts as the
 * TPM's own does, and for TPM_RH_NULL.
 *
 * @spec Part 3, "TPM2_Hash"
 * @rc FW_LIMITED  the ticket's hierarchy is limited to a firmware that the platform tells nothing of
 * @rc SVN_LIMITED  the ticket's hierarchy is limited to an SVN that the firmware does not have
 */
export const Hash = defineCommand({
  code: TPM_CC.Hash,
  parameters: { data: TPM2B_MAX_BUFFER, hashAlg: TPMI_ALG_HASH, hierarchy: TPMI_RH_HIERARCHY_NULLABLE },
  response: { outHash: TPM2B_DIGEST, validation: TPMT_TK_HASHCHECK },
  execute(tpm, { data, hashAlg, hierarchy }) {
    const outHash = tpm.crypto.hash(hashNameOf(hashAlg), data);
    const none = hierarchy === TPM_RH.NULL || startsAsGenerated(data);
    return { outHash, validation: none ? noHashcheck() : hashcheckTicket(tpm, hierarchy, hashAlg, outHash) };
  },
});
