import { authorized, defineCommand } from "../../dispatch/command.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_RC } from "../../spec/response-codes.ts";
import { TPM2B_MAX_BUFFER, TPMI_DH_OBJECT } from "../../spec/structures/index.ts";
import { updateSequence } from "../../subsystems/sequences.ts";

/**
 * Adds data to a sequence.
 *
 * @spec Part 3, "TPM2_SequenceUpdate"
 * @rc MODE (sequenceHandle)  not a sequence
 */
export const SequenceUpdate = defineCommand({
  code: TPM_CC.SequenceUpdate,
  handles: { sequenceHandle: authorized(TPMI_DH_OBJECT, "USER") },
  parameters: { buffer: TPM2B_MAX_BUFFER },
  execute(tpm, { sequenceHandle, buffer }, at) {
    const sequence = tpm.objects.findSequence(sequenceHandle);
    if (sequence === undefined) throw at("sequenceHandle", TPM_RC.MODE);
    tpm.objects.replace(sequenceHandle, updateSequence(tpm, sequence, buffer));
  },
});
