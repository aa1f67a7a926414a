import { blamingField } from "../../dispatch/blame.ts";
import { authorized, defineCommand } from "../../dispatch/command.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_RC } from "../../spec/response-codes.ts";
import { TPM_HANDLE, TPM2B_NAME, TPM2B_PRIVATE, TPM2B_PUBLIC, TPMI_DH_OBJECT } from "../../spec/structures/index.ts";
import { nameOfPublic } from "../../subsystems/keys/names.ts";
import { checkLoad, loadedObject } from "../../subsystems/keys/object-loading.ts";
import { privateToSensitive } from "../../subsystems/keys/sensitive-wrapping.ts";

/**
 * Loads an object that its parent has protected.
 *
 * @spec Part 3, "TPM2_Load"
 * @rc OBJECT_MEMORY          no slot is free
 * @rc SIZE (inPrivate)       is empty, or the authValue or the seed in it has no allowed size
 * @rc TYPE (parentHandle)    is not a storage key
 * @rc INTEGRITY (inPrivate)  not protected by this parent, or for another public area
 * @rc INSUFFICIENT (inPrivate)  the integrity value ends too early
 * @rc VALUE (inPrivate)      the IV has another size than a block
 * @rc SENSITIVE              what is protected is no sensitive area
 * @rc KEY_SIZE (inPrivate)   seed or key have the wrong size
 * @rc ATTRIBUTES (inPublic)  attributes contradict each other or the parent's
 * @rc HASH (inPublic)        a storage key that stays here must have the parent's nameAlg
 * @rc SIZE (inPublic)        authPolicy is no digest of nameAlg
 * @rc SCHEME (inPublic)      the scheme does not fit the attributes
 * @rc SYMMETRIC (inPublic)   the symmetric algorithm does not fit the attributes or the parent
 * @rc KDF (inPublic)         an ECC key with a key derivation of its own
 * @rc TYPE (inPrivate)       the sensitive area is of another type
 * @rc KEY (inPublic)         the public key has the wrong size
 * @rc VALUE (inPublic)       an RSA exponent that is too small
 * @rc KEY (inPrivate)        a TDES key that must not be used
 * @rc KEY_SIZE               an ECC key out of range
 * @rc BINDING                public and private key do not belong together
 */
export const Load = defineCommand({
  code: TPM_CC.Load,
  handles: { parentHandle: authorized(TPMI_DH_OBJECT, "USER") },
  parameters: { inPrivate: TPM2B_PRIVATE, inPublic: TPM2B_PUBLIC },
  responseHandles: { objectHandle: TPM_HANDLE },
  response: { name: TPM2B_NAME },
  execute(tpm, { parentHandle, inPrivate, inPublic: publicArea }, at) {
    tpm.objects.requireFreeSlot();
    if (inPrivate.length === 0) throw at("inPrivate", TPM_RC.SIZE);
    const parent = tpm.objects.findKey(parentHandle);
    if (parent === undefined || !tpm.objects.isParent(parent)) throw at("parentHandle", TPM_RC.TYPE);
    const name = nameOfPublic(tpm, publicArea);
    const sensitive = blamingField(at, "inPrivate", () => privateToSensitive(tpm, parent, name, inPrivate));
    checkLoad(tpm, parent, publicArea, sensitive, {
      public: (rc) => at("inPublic", rc),
      sensitive: (rc) => at("inPrivate", rc),
    });
    const { seedCompatLevel } = parent;
    const object = loadedObject(tpm, { parentHandle, publicArea, sensitive, name, seedCompatLevel });
    return { objectHandle: tpm.objects.add(object), name };
  },
});
