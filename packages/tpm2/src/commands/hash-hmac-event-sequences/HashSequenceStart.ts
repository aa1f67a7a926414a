import { EMPTY } from "@vtpm/wire";
import { defineCommand } from "../../dispatch/command.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_ALG } from "../../spec/constants.ts";
import { TPM2B_AUTH, TPMI_ALG_HASH_NULLABLE, TPMI_DH_OBJECT } from "../../spec/structures/index.ts";
import { OBJECT_ATTRIBUTES, SLOT } from "../../state/object.ts";
import { startHash } from "../../subsystems/running-hash.ts";

/**
 * Starts a hash of more data than one command holds; without an algorithm an event sequence, which hashes with all of them.
 *
 * @spec Part 3, "TPM2_HashSequenceStart"
 * @rc OBJECT_MEMORY  no slot is free
 */
export const HashSequenceStart = defineCommand({
  code: TPM_CC.HashSequenceStart,
  parameters: { auth: TPM2B_AUTH, hashAlg: TPMI_ALG_HASH_NULLABLE },
  responseHandles: { sequenceHandle: TPMI_DH_OBJECT },
  execute(tpm, { auth, hashAlg }) {
    const isEvent = hashAlg === TPM_ALG.NULL;
    const algorithms = isEvent ? tpm.profile.pcrBanks : [hashAlg];
    const sequenceHandle = tpm.objects.add({
      kind: SLOT.SEQUENCE,
      attributes: OBJECT_ATTRIBUTES.of({ temporary: true, eventSeq: isEvent, hashSeq: !isEvent }),
      auth,
      hashes: algorithms.map((algorithm) => startHash(tpm.crypto, algorithm)),
      hmacKey: EMPTY,
      mac: EMPTY,
    });
    return { sequenceHandle };
  },
});
