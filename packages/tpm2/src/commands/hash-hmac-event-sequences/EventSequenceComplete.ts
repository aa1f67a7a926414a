import { authorized, defineCommand } from "../../dispatch/command.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_RH } from "../../spec/handles.ts";
import { TPM_RC } from "../../spec/response-codes.ts";
import {
  TPM2B_MAX_BUFFER,
  TPMI_DH_OBJECT,
  TPMI_DH_PCR_NULLABLE,
  TPML_DIGEST_VALUES,
  type TPMT_HA,
} from "../../spec/structures/index.ts";
import { TpmError } from "../../spec/tpm-error.ts";
import { OBJECT_ATTRIBUTES } from "../../state/object.ts";
import { finishHash } from "../../subsystems/running-hash.ts";
import { updateSequence } from "../../subsystems/sequences.ts";

/**
 * Adds the last data to an event sequence, extends a PCR with the digests and returns them; the sequence is gone then.
 *
 * @spec Part 3, "TPM2_EventSequenceComplete"
 * @rc MODE (sequenceHandle)  not an event sequence
 * @rc LOCALITY               the PCR cannot be extended from the current locality
 */
export const EventSequenceComplete = defineCommand({
  code: TPM_CC.EventSequenceComplete,
  handles: { pcrHandle: authorized(TPMI_DH_PCR_NULLABLE, "USER"), sequenceHandle: authorized(TPMI_DH_OBJECT, "USER") },
  parameters: { buffer: TPM2B_MAX_BUFFER },
  response: { results: TPML_DIGEST_VALUES },
  nv: true,
  flushed: true,
  execute(tpm, { pcrHandle, sequenceHandle, buffer }, at) {
    const sequence = tpm.objects.findSequence(sequenceHandle);
    if (sequence === undefined || !OBJECT_ATTRIBUTES.has(sequence.attributes, "eventSeq")) {
      throw at("sequenceHandle", TPM_RC.MODE);
    }
    if (pcrHandle !== TPM_RH.NULL) {
      if (!tpm.pcr.mayExtend(pcrHandle)) throw new TpmError(TPM_RC.LOCALITY);
      if (tpm.pcr.isStateSaved(pcrHandle)) tpm.clearOrderly();
    }
    const { hashes } = updateSequence(tpm, sequence, buffer);
    const results = hashes.map((state): TPMT_HA => {
      // The state was started with an algorithm that the profile has; as a number it may have been saved meanwhile.
      const hashAlg = state.hashAlg as TPMT_HA["hashAlg"];
      return { hashAlg, digest: finishHash(tpm.crypto, state) };
    });
    if (pcrHandle !== TPM_RH.NULL) {
      for (const { hashAlg, digest } of results) tpm.pcr.extend(pcrHandle, hashAlg, digest);
    }
    return { results };
  },
});
