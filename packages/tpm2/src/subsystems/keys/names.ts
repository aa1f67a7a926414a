import { type Bytes, concatBytes, EMPTY, encode } from "@vtpm/wire";
import type { Engine } from "../../engine.ts";
import { uint16, uint32 } from "../../integer-bytes.ts";
import { TPM_ALG } from "../../spec/constants.ts";
import { handleTypeOf, TPM_HT } from "../../spec/handles.ts";
import { TPMT_PUBLIC_NULLABLE } from "../../spec/structures/index.ts";
import { SLOT } from "../../state/object.ts";
import { hashNameOf } from "../hash-algorithms.ts";

/** The Name of an object: empty for one without nameAlg. @spec Part 1, "Names" */
export function nameOfPublic(tpm: Engine, publicArea: TPMT_PUBLIC_NULLABLE): Bytes {
  const { nameAlg } = publicArea;
  if (nameAlg === TPM_ALG.NULL) return EMPTY;
  return concatBytes(uint16(nameAlg), tpm.crypto.hash(hashNameOf(nameAlg), encode(TPMT_PUBLIC_NULLABLE, publicArea)));
}

/**
 * The Qualified Name of an object under a parent or a hierarchy: tells in which line of ancestors it is.
 *
 * @spec Part 1, "Qualified Name"
 */
export function qualifiedNameOf(tpm: Engine, parentHandle: number, nameAlg: number, name: Bytes): Bytes {
  if (nameAlg === TPM_ALG.NULL) return uint16(nameAlg);
  const digest = tpm.crypto.hash(hashNameOf(nameAlg), parentQualifiedName(tpm, parentHandle), name);
  return concatBytes(uint16(nameAlg), digest);
}

function parentQualifiedName(tpm: Engine, parentHandle: number): Bytes {
  if (handleTypeOf(parentHandle) === TPM_HT.PERMANENT) return uint32(parentHandle);
  const parent = tpm.objects.get(parentHandle);
  return parent.kind === SLOT.KEY && parent.publicArea.nameAlg !== TPM_ALG.NULL ? parent.qualifiedName : EMPTY;
}
