import { authorized, defineCommand } from "../../dispatch/command.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_RH } from "../../spec/handles.ts";
import { TPM_RC } from "../../spec/response-codes.ts";
import {
  TPM2B_DIGEST,
  TPM2B_MAX_BUFFER,
  TPMI_DH_OBJECT,
  TPMI_RH_HIERARCHY_NULLABLE,
  TPMT_TK_HASHCHECK,
} from "../../spec/structures/index.ts";
import { OBJECT_ATTRIBUTES } from "../../state/object.ts";
import { noHashcheck } from "../../subsystems/hashcheck.ts";
import { finishMac } from "../../subsystems/macs.ts";
import { finishHash } from "../../subsystems/running-hash.ts";
import { updateSequence } from "../../subsystems/sequences.ts";
import { hashcheckTicket } from "../../subsystems/tickets.ts";

/**
 * Adds the last data to a hash or MAC sequence and returns the result; the sequence is gone then. A hash comes with a ticket
 * if its data did not begin as the TPM's own does.
 *
 * @spec Part 3, "TPM2_SequenceComplete"
 * @rc MODE (sequenceHandle)  not a sequence, or an event sequence
 * @rc FW_LIMITED  the ticket's hierarchy is limited to a firmware that the platform tells nothing of
 * @rc SVN_LIMITED  the ticket's hierarchy is limited to an SVN that the firmware does not have
 */
export const SequenceComplete = defineCommand({
  code: TPM_CC.SequenceComplete,
  handles: { sequenceHandle: authorized(TPMI_DH_OBJECT, "USER") },
  parameters: { buffer: TPM2B_MAX_BUFFER, hierarchy: TPMI_RH_HIERARCHY_NULLABLE },
  response: { result: TPM2B_DIGEST, validation: TPMT_TK_HASHCHECK },
  flushed: true,
  execute(tpm, { sequenceHandle, buffer, hierarchy }, at) {
    const sequence = tpm.objects.findSequence(sequenceHandle);
    if (sequence === undefined || OBJECT_ATTRIBUTES.has(sequence.attributes, "eventSeq")) {
      throw at("sequenceHandle", TPM_RC.MODE);
    }
    const completed = updateSequence(tpm, sequence, buffer);
    const [state] = completed.hashes;
    if (OBJECT_ATTRIBUTES.has(completed.attributes, "hmacSeq") || state === undefined) {
      return { result: finishMac(tpm, completed), validation: noHashcheck() };
    }
    const result = finishHash(tpm.crypto, state);
    const isSafe = OBJECT_ATTRIBUTES.has(completed.attributes, "ticketSafe");
    const validation =
      hierarchy === TPM_RH.NULL || !isSafe ? noHashcheck() : hashcheckTicket(tpm, hierarchy, state.hashAlg, result);
    return { result, validation };
  },
});
