import { defineCommand } from "../../dispatch/command.ts";
import { TPMA_OBJECT } from "../../spec/attributes.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_RH } from "../../spec/handles.ts";
import { TPM_RC } from "../../spec/response-codes.ts";
import {
  TPM_HANDLE,
  TPM2B_NAME,
  TPM2B_PUBLIC_NULLABLE,
  TPM2B_SENSITIVE,
  TPMI_RH_HIERARCHY_NULLABLE,
} from "../../spec/structures/index.ts";
import { nameOfPublic } from "../../subsystems/keys/names.ts";
import { checkLoad, loadedObject } from "../../subsystems/keys/object-loading.ts";

/** External objects are recorded as if their seed were an old one, as libtpms does; nothing derives from it. */
const EXTERNAL_LEVEL = 0;
const OF_THIS_TPM = TPMA_OBJECT.of({ fixedTPM: true, fixedParent: true, restricted: true });

/**
 * Loads an object that no TPM protects: a public key, or one with its private part in the clear.
 *
 * @spec Part 3, "TPM2_LoadExternal"
 * @rc OBJECT_MEMORY           no slot is free
 * @rc HIERARCHY (hierarchy)   is disabled, or is not NULL for an object with a private part
 * @rc ATTRIBUTES (inPublic)   an object with a private part pretends to be made here, or attributes contradict each other
 * @rc SCHEME (inPublic)       the scheme does not fit the attributes
 * @rc SYMMETRIC (inPublic)    the symmetric algorithm does not fit the attributes
 * @rc KDF (inPublic)          an ECC key with a key derivation of its own
 * @rc SIZE (inPublic)         authPolicy is no digest of nameAlg
 * @rc TYPE (inPrivate)        is of another type than inPublic
 * @rc SIZE (inPrivate)        authValue is longer than a digest of nameAlg
 * @rc KEY (inPublic)          the public key has the wrong size
 * @rc VALUE (inPublic)        an RSA exponent that is too small
 * @rc ECC_POINT (inPublic)    is not on the curve
 * @rc KEY (inPrivate)         a TDES key that must not be used
 * @rc KEY_SIZE (inPrivate)    seed or key have the wrong size
 * @rc KEY_SIZE                an ECC key out of range
 * @rc BINDING                 public and private key do not belong together
 */
export const LoadExternal = defineCommand({
  code: TPM_CC.LoadExternal,
  parameters: {
    inPrivate: TPM2B_SENSITIVE,
    inPublic: TPM2B_PUBLIC_NULLABLE,
    hierarchy: TPMI_RH_HIERARCHY_NULLABLE,
  },
  responseHandles: { objectHandle: TPM_HANDLE },
  response: { name: TPM2B_NAME },
  execute(tpm, { inPrivate: sensitive, inPublic: publicArea, hierarchy }, at) {
    tpm.objects.requireFreeSlot();
    if (!tpm.hierarchies.isEnabled(hierarchy)) throw at("hierarchy", TPM_RC.HIERARCHY);
    if (sensitive !== undefined) {
      if (hierarchy !== TPM_RH.NULL) throw at("hierarchy", TPM_RC.HIERARCHY);
      if (TPMA_OBJECT.intersects(publicArea.objectAttributes, OF_THIS_TPM)) throw at("inPublic", TPM_RC.ATTRIBUTES);
    }
    checkLoad(tpm, undefined, publicArea, sensitive, {
      public: (rc) => at("inPublic", rc),
      sensitive: (rc) => at("inPrivate", rc),
    });
    const name = nameOfPublic(tpm, publicArea);
    const seedCompatLevel = EXTERNAL_LEVEL;
    const parts = { parentHandle: hierarchy, publicArea, sensitive, name, seedCompatLevel, external: true };
    return { objectHandle: tpm.objects.add(loadedObject(tpm, parts)), name };
  },
});
