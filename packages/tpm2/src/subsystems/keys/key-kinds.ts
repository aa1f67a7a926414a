import { TPMA_OBJECT } from "../../spec/attributes.ts";
import { TPM_ALG } from "../../spec/constants.ts";
import type { KEY_SLOT } from "../../state/object.ts";

/** Whether the object is an RSA or ECC key for storage, its private part loaded or not: others can encrypt to it. */
export function isAsymmetricStorageKey({ publicArea: { type, objectAttributes } }: KEY_SLOT): boolean {
  return (
    (type === TPM_ALG.RSA || type === TPM_ALG.ECC) &&
    TPMA_OBJECT.has(objectAttributes, "restricted") &&
    TPMA_OBJECT.has(objectAttributes, "decrypt")
  );
}
