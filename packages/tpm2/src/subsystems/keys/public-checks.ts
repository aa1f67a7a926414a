import { TPMA_OBJECT } from "../../spec/attributes.ts";
import { TPM_ALG } from "../../spec/constants.ts";
import { TPM_RC } from "../../spec/response-codes.ts";
import type { TPMT_PUBLIC_NULLABLE } from "../../spec/structures/index.ts";
import { TpmError } from "../../spec/tpm-error.ts";
import { type KEY_SLOT, OBJECT_ATTRIBUTES } from "../../state/object.ts";
import { digestSizeOf } from "../hash-algorithms.ts";
import { isLimitedTo } from "../limited-hierarchies.ts";
import { checkSchemes } from "./scheme-checks.ts";

/**
 * Whether a template may become an object: where its secret comes from, and then all that every object must fulfil.
 *
 * @param parent of a primary object its hierarchy
 * @param dataSize bytes of sensitive data given by the caller
 * @spec Part 1, "Object Creation"
 * @rc ATTRIBUTES  sensitiveDataOrigin says otherwise than the data given, or the type does not allow it
 */
export function checkCreation(parent: KEY_SLOT | number, publicArea: TPMT_PUBLIC_NULLABLE, dataSize: number): void {
  const has = (attribute: Parameters<typeof TPMA_OBJECT.has>[1]): boolean =>
    TPMA_OBJECT.has(publicArea.objectAttributes, attribute);
  const isOurs = has("sensitiveDataOrigin");
  if (!isOurs && dataSize === 0) throw new TpmError(TPM_RC.ATTRIBUTES);
  // For a primary object the data goes into the derivation all the same.
  if (typeof parent !== "number" && isOurs && dataSize !== 0) throw new TpmError(TPM_RC.ATTRIBUTES);
  switch (publicArea.type) {
    case TPM_ALG.KEYEDHASH:
    case TPM_ALG.SYMCIPHER: {
      const isData = publicArea.type === TPM_ALG.KEYEDHASH && !has("sign") && !has("decrypt");
      if (isData && isOurs) throw new TpmError(TPM_RC.ATTRIBUTES);
      // Nobody could tell apart a restricted key that never leaves and one that its owner knows.
      if (has("restricted") && !isOurs && (has("fixedParent") || has("fixedTPM")))
        throw new TpmError(TPM_RC.ATTRIBUTES);
      break;
    }
    default:
      if (!isOurs) throw new TpmError(TPM_RC.ATTRIBUTES);
  }
  checkPublic(parent, publicArea);
}

/**
 * Whether a public area is consistent in itself and with its parent's.
 *
 * @param above the parent, or the hierarchy of a primary object; of an external object neither
 * @spec Part 2, "TPMA_OBJECT (Object Attributes)"; the order of the checks is the reference's
 * @rc HASH        no nameAlg
 * @rc SIZE        authPolicy is no digest of nameAlg
 * @rc ATTRIBUTES  attributes contradict each other or the parent's
 */
export function checkPublic(above: KEY_SLOT | number | undefined, publicArea: TPMT_PUBLIC_NULLABLE): void {
  const [parent, hierarchy] = typeof above === "number" ? [undefined, above] : [above, undefined];
  const { nameAlg, authPolicy, objectAttributes } = publicArea;
  if (nameAlg === TPM_ALG.NULL) throw new TpmError(TPM_RC.HASH);
  if (authPolicy.length !== 0 && authPolicy.length !== digestSizeOf(nameAlg)) throw new TpmError(TPM_RC.SIZE);
  if (!areAttributesConsistent(parent, hierarchy, publicArea.type, objectAttributes))
    throw new TpmError(TPM_RC.ATTRIBUTES);
  checkSchemes(parent?.publicArea, publicArea);
}

/** The attributes that say of an object what of its hierarchy its handle says. */
const LIMITS = [
  ["firmwareLimited", "firmware"],
  ["svnLimited", "svn"],
] as const;

function areAttributesConsistent(
  parent: KEY_SLOT | undefined,
  hierarchy: number | undefined,
  type: number,
  attributes: number,
): boolean {
  const has = (attribute: Parameters<typeof TPMA_OBJECT.has>[1]): boolean => TPMA_OBJECT.has(attributes, attribute);
  const parentHas = (attribute: Parameters<typeof TPMA_OBJECT.has>[1]): boolean =>
    parent !== undefined && TPMA_OBJECT.has(parent.publicArea.objectAttributes, attribute);
  const canBeFixed = parent === undefined || parentHas("fixedTPM");
  if (canBeFixed ? has("fixedParent") !== has("fixedTPM") : has("fixedTPM")) return false;
  if (has("sign") === has("decrypt")) {
    if (has("restricted")) return false;
    if (type !== TPM_ALG.KEYEDHASH && !has("sign")) return false;
  }
  if (has("fixedTPM") && has("encryptedDuplication")) return false;
  // A group that is duplicated together stays encrypted, or not, together.
  if (!canBeFixed && has("encryptedDuplication") !== parentHas("encryptedDuplication")) return false;
  for (const [limited, kind] of LIMITS) {
    if (!has(limited)) continue;
    const isAboveLimited =
      parent === undefined ? hierarchy !== undefined && isLimitedTo(kind, hierarchy) : parentHas(limited);
    if (!has("fixedTPM") || !isAboveLimited) return false;
  }
  if (parent !== undefined && OBJECT_ATTRIBUTES.has(parent.attributes, "derivation")) {
    return has("fixedTPM") === parentHas("fixedTPM") && has("fixedParent");
  }
  return true;
}
