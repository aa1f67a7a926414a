import type { Bytes } from "@vtpm/wire";
import type { Engine } from "../engine.ts";
import { OBJECT_ATTRIBUTES, type SEQUENCE_SLOT } from "../state/object.ts";
import { isSafeStart } from "./hashcheck.ts";
import { updateMac } from "./macs.ts";
import { updateHash } from "./running-hash.ts";

/** A sequence after more data. A hash sequence notes whether its data began as the TPM's own does. */
export function updateSequence(tpm: Engine, sequence: SEQUENCE_SLOT, data: Bytes): SEQUENCE_SLOT {
  const { attributes, hashes } = sequence;
  if (OBJECT_ATTRIBUTES.has(attributes, "hmacSeq")) return updateMac(tpm, sequence, data);
  const begins = OBJECT_ATTRIBUTES.has(attributes, "hashSeq") && !OBJECT_ATTRIBUTES.has(attributes, "firstBlock");
  return {
    ...sequence,
    attributes: begins
      ? OBJECT_ATTRIBUTES.with(attributes, { firstBlock: true, ticketSafe: isSafeStart(data) })
      : attributes,
    hashes: hashes.map((state) => updateHash(tpm.crypto, state, data)),
  };
}
