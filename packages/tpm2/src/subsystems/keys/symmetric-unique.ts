import type { Bytes } from "@vtpm/wire";
import type { Engine } from "../../engine.ts";
import { TPMA_OBJECT } from "../../spec/attributes.ts";
import { hashNameOf } from "../hash-algorithms.ts";

/**
 * What stands in place of a public key for an object that has none: a digest of its secret, blinded by its seedValue. For
 * a parent the seed protects its children too, so there it is a key and not data.
 *
 * @spec Part 1, "Symmetric Objects"
 */
export function symmetricUnique(
  tpm: Engine,
  { nameAlg, objectAttributes }: { readonly nameAlg: number; readonly objectAttributes: number },
  seedValue: Bytes,
  secret: Bytes,
): Bytes {
  const isParent = TPMA_OBJECT.has(objectAttributes, "restricted") && TPMA_OBJECT.has(objectAttributes, "decrypt");
  const hashAlg = hashNameOf(nameAlg);
  return isParent ? tpm.crypto.hmac(hashAlg, seedValue, secret) : tpm.crypto.hash(hashAlg, seedValue, secret);
}
