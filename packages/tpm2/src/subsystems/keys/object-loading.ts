import type { Bytes } from "@vtpm/wire";
import { blamingField } from "../../dispatch/blame.ts";
import type { Engine } from "../../engine.ts";
import { TPMA_OBJECT } from "../../spec/attributes.ts";
import { TPM_ALG } from "../../spec/constants.ts";
import { TPM_RH } from "../../spec/handles.ts";
import { TPM_RC } from "../../spec/response-codes.ts";
import type { TPMT_PUBLIC_NULLABLE, TPMT_SENSITIVE } from "../../spec/structures/index.ts";
import { type KEY_SLOT, OBJECT_ATTRIBUTES, SLOT } from "../../state/object.ts";
import { digestSizeOf } from "../hash-algorithms.ts";
import { baseHierarchy } from "../limited-hierarchies.ts";
import { type Blame, checkRsaPrivateKey, validateKeys } from "./key-validation.ts";
import { qualifiedNameOf } from "./names.ts";
import { checkPublic } from "./public-checks.ts";
import { checkSchemes } from "./scheme-checks.ts";

/**
 * Whether an object made elsewhere, or on this TPM earlier, may be loaded. What a fixedTPM parent protects was made here
 * and is not examined again.
 *
 * @param parent absent for an object without one: loaded from outside, or examined for TPM2_Import
 * @rc KEY_SIZE (sensitive)  the seed is longer than a digest of nameAlg
 * @rc BINDING               the RSA prime does not divide the modulus
 */
export function checkLoad(
  tpm: Engine,
  parent: KEY_SLOT | undefined,
  publicArea: TPMT_PUBLIC_NULLABLE,
  sensitive: TPMT_SENSITIVE | undefined,
  blame: Blame,
): void {
  const examine = (checks: () => void): void => blamingField((_, rc) => blame.public(rc), "public", checks);
  if (sensitive === undefined || publicArea.nameAlg === TPM_ALG.NULL) {
    examine(() => checkSchemes(undefined, publicArea));
  } else {
    if (sensitive.seedValue.length > digestSizeOf(publicArea.nameAlg)) throw blame.sensitive(TPM_RC.KEY_SIZE);
    examine(() => checkPublic(parent, publicArea));
  }
  const isOurs = parent !== undefined && TPMA_OBJECT.has(parent.publicArea.objectAttributes, "fixedTPM");
  if (!isOurs) validateKeys(tpm, publicArea, sensitive, blame);
  if (publicArea.type === TPM_ALG.RSA && sensitive?.sensitiveType === TPM_ALG.RSA) {
    checkRsaPrivateKey(publicArea, sensitive.sensitive);
  }
}

/** What an object is made of when it gets a slot. */
export interface LoadedParts {
  /** The parent's, or the hierarchy's. */
  readonly parentHandle: number;
  readonly publicArea: TPMT_PUBLIC_NULLABLE;
  readonly sensitive: TPMT_SENSITIVE | undefined;
  readonly name: Bytes;
  readonly seedCompatLevel: number;
  /** Whether it came by TPM2_LoadExternal: it has no ancestors then. */
  readonly external?: boolean;
}

/** The object with everything the TPM knows of it. */
export function loadedObject(tpm: Engine, parts: LoadedParts): KEY_SLOT {
  const { parentHandle, publicArea, sensitive, name, seedCompatLevel, external = false } = parts;
  const isParent =
    !external &&
    sensitive !== undefined &&
    publicArea.nameAlg !== TPM_ALG.NULL &&
    TPMA_OBJECT.has(publicArea.objectAttributes, "restricted") &&
    TPMA_OBJECT.has(publicArea.objectAttributes, "decrypt");
  const isKeyedHash = publicArea.type === TPM_ALG.KEYEDHASH;
  const ancestry = ancestryOf(tpm, parentHandle, TPMA_OBJECT.has(publicArea.objectAttributes, "stClear"), external);
  return {
    kind: SLOT.KEY,
    attributes: OBJECT_ATTRIBUTES.with(ancestry.attributes, {
      publicOnly: sensitive === undefined,
      external,
      isParent: isParent && !isKeyedHash,
      derivation: isParent && isKeyedHash,
    }),
    publicArea,
    sensitive,
    name,
    qualifiedName: external ? name : qualifiedNameOf(tpm, parentHandle, publicArea.nameAlg, name),
    hierarchy: ancestry.hierarchy,
    seedCompatLevel,
  };
}

/** The attributes that an object has from where it stands. */
function ancestryOf(
  tpm: Engine,
  parentHandle: number,
  stClear: boolean,
  external: boolean,
): { readonly attributes: number; readonly hierarchy: number } {
  const parent = tpm.objects.isObject(parentHandle) ? tpm.objects.findKey(parentHandle) : undefined;
  if (parent === undefined) {
    const base = baseHierarchy(parentHandle);
    const hierarchies = {
      epsHierarchy: base === TPM_RH.ENDORSEMENT,
      spsHierarchy: base === TPM_RH.OWNER,
      ppsHierarchy: base === TPM_RH.PLATFORM,
    };
    const temporary = !Object.values(hierarchies).includes(true);
    const attributes = OBJECT_ATTRIBUTES.of({ ...hierarchies, stClear, temporary, primary: !temporary });
    return { attributes, hierarchy: parentHandle };
  }
  const parentHas = (name: Parameters<typeof OBJECT_ATTRIBUTES.has>[1]): boolean =>
    OBJECT_ATTRIBUTES.has(parent.attributes, name);
  const attributes = OBJECT_ATTRIBUTES.of({
    epsHierarchy: parentHas("epsHierarchy"),
    spsHierarchy: parentHas("spsHierarchy"),
    ppsHierarchy: parentHas("ppsHierarchy"),
    stClear: stClear || parentHas("stClear"),
    temporary: parentHas("temporary") || external,
  });
  return { attributes, hierarchy: parent.hierarchy };
}
