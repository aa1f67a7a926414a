import { type Bytes, encode } from "@vtpm/wire";
import type { Engine } from "../../engine.ts";
import { uint32 } from "../../integer-bytes.ts";
import { TPM_ALG } from "../../spec/constants.ts";
import { type TPML_PCR_SELECTION, TPMS_CREATION_DATA } from "../../spec/structures/index.ts";
import { hashNameOf } from "../hash-algorithms.ts";

/** What a creation command was given that the creation data shall tell. */
export interface CreationCircumstances {
  /** The parent's, or the hierarchy's. */
  readonly parentHandle: number;
  /** The hash algorithm of the new object's Name. */
  readonly nameAlg: number;
  readonly creationPCR: TPML_PCR_SELECTION;
  readonly outsideInfo: Bytes;
}

/** In what surroundings an object is created, and the digest of that. @spec Part 2, "TPMS_CREATION_DATA" */
export function creationDataOf(
  tpm: Engine,
  { parentHandle, nameAlg, creationPCR, outsideInfo }: CreationCircumstances,
): { readonly creationData: TPMS_CREATION_DATA; readonly creationHash: Bytes } {
  const { digest, selection } = tpm.pcr.digest(creationPCR, nameAlg);
  const creationData: TPMS_CREATION_DATA = {
    pcrSelect: selection,
    pcrDigest: digest,
    locality: localityOf(tpm.locality),
    ...parentOf(tpm, parentHandle),
    outsideInfo,
  };
  return { creationData, creationHash: tpm.crypto.hash(hashNameOf(nameAlg), encode(TPMS_CREATION_DATA, creationData)) };
}

/** The locality as attributes: one bit for the first five, the number itself for those from 32 on. */
function localityOf(locality: number): number {
  return locality < 5 ? 2 ** locality : locality;
}

type ParentFields = Pick<TPMS_CREATION_DATA, "parentNameAlg" | "parentName" | "parentQualifiedName">;

function parentOf(tpm: Engine, parentHandle: number): ParentFields {
  const parent = tpm.objects.isObject(parentHandle) ? tpm.objects.findKey(parentHandle) : undefined;
  if (parent === undefined) {
    const name = uint32(parentHandle);
    return { parentNameAlg: TPM_ALG.NULL, parentName: name, parentQualifiedName: name };
  }
  const { name, qualifiedName, publicArea } = parent;
  return { parentNameAlg: publicArea.nameAlg, parentName: name, parentQualifiedName: qualifiedName };
}
