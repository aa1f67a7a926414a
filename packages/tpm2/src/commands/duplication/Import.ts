import { EMPTY } from "@vtpm/wire";
import { blamingField } from "../../dispatch/blame.ts";
import { authorized, defineCommand } from "../../dispatch/command.ts";
import { TPMA_OBJECT } from "../../spec/attributes.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_ALG } from "../../spec/constants.ts";
import { TPM_RC } from "../../spec/response-codes.ts";
import {
  TPM2B_DATA,
  TPM2B_ENCRYPTED_SECRET,
  TPM2B_PRIVATE,
  TPM2B_PUBLIC,
  TPMI_DH_OBJECT,
  TPMT_SYM_DEF_OBJECT_NULLABLE,
} from "../../spec/structures/index.ts";
import { duplicateToSensitive } from "../../subsystems/keys/duplication.ts";
import { nameOfPublic } from "../../subsystems/keys/names.ts";
import { checkLoad } from "../../subsystems/keys/object-loading.ts";
import { decryptSecret } from "../../subsystems/keys/secret-exchange.ts";
import { sensitiveToPrivate } from "../../subsystems/keys/sensitive-wrapping.ts";

const FIXED = TPMA_OBJECT.of({ fixedTPM: true, fixedParent: true });

/**
 * Takes a duplicate in: the caller gets it protected by its new parent, ready for TPM2_Load.
 *
 * @spec Part 3, "TPM2_Import"
 * @rc ATTRIBUTES (objectPublic)   such an object cannot have been duplicated, or attributes contradict each other
 * @rc TYPE (parentHandle)         is not a storage key, or is symmetric where a seed must be decrypted
 * @rc SIZE (encryptionKey)        is no key of symmetricAlg
 * @rc ATTRIBUTES (encryptionKey)  the object must be encrypted inside
 * @rc ATTRIBUTES (inSymSeed)      the object must be encrypted for its parent
 * @rc SIZE (inSymSeed)            is no ciphertext or point of the parent
 * @rc INSUFFICIENT (inSymSeed)    is no point
 * @rc VALUE (inSymSeed)           cannot be decrypted
 * @rc ECC_POINT (inSymSeed)       is not on the parent's curve
 * @rc NO_RESULT                   the shared point is at infinity
 * @rc INTEGRITY (duplicate)       a wrap is broken or for somebody else
 * @rc SIZE (duplicate)            sizes in it contradict each other
 * @rc INSUFFICIENT (duplicate)    ends too early
 * @rc SCHEME (objectPublic)       the scheme does not fit the attributes
 * @rc SYMMETRIC (objectPublic)    the symmetric algorithm does not fit the attributes
 * @rc KDF (objectPublic)          an ECC key with a key derivation of its own
 * @rc SIZE (objectPublic)         authPolicy is no digest of nameAlg
 * @rc TYPE (duplicate)            is of another type than objectPublic
 * @rc KEY (objectPublic)          the public key has the wrong size
 * @rc VALUE (objectPublic)        an RSA exponent that is too small
 * @rc KEY (duplicate)             a TDES key that must not be used
 * @rc KEY_SIZE (duplicate)        seed or key have the wrong size
 * @rc KEY_SIZE                    an ECC key out of range
 * @rc BINDING                     public and private key do not belong together
 */
export const Import = defineCommand({
  code: TPM_CC.Import,
  handles: { parentHandle: authorized(TPMI_DH_OBJECT, "USER") },
  parameters: {
    encryptionKey: TPM2B_DATA,
    objectPublic: TPM2B_PUBLIC,
    duplicate: TPM2B_PRIVATE,
    inSymSeed: TPM2B_ENCRYPTED_SECRET,
    symmetricAlg: TPMT_SYM_DEF_OBJECT_NULLABLE,
  },
  response: { outPrivate: TPM2B_PRIVATE },
  execute(tpm, { parentHandle, encryptionKey, objectPublic, duplicate, inSymSeed, symmetricAlg: symmetric }, at) {
    const { nameAlg, objectAttributes } = objectPublic;
    if (TPMA_OBJECT.intersects(objectAttributes, FIXED)) throw at("objectPublic", TPM_RC.ATTRIBUTES);
    const parent = tpm.objects.findKey(parentHandle);
    if (parent === undefined || !tpm.objects.isParent(parent)) throw at("parentHandle", TPM_RC.TYPE);
    const mustBeEncrypted = TPMA_OBJECT.has(objectAttributes, "encryptedDuplication");
    const keySize = symmetric.algorithm === TPM_ALG.NULL ? 0 : symmetric.keyBits / 8;
    if (encryptionKey.length !== keySize) throw at("encryptionKey", TPM_RC.SIZE);
    if (keySize === 0 && mustBeEncrypted) throw at("encryptionKey", TPM_RC.ATTRIBUTES);
    const hasOuterWrap = inSymSeed.length !== 0;
    if (!hasOuterWrap && mustBeEncrypted) throw at("inSymSeed", TPM_RC.ATTRIBUTES);
    if (hasOuterWrap && parent.publicArea.type === TPM_ALG.SYMCIPHER) throw at("parentHandle", TPM_RC.TYPE);
    const seed = hasOuterWrap
      ? blamingField(at, "inSymSeed", () => decryptSecret(tpm, parent, "DUPLICATE", inSymSeed))
      : EMPTY;
    // A seed of no bytes, which RSA can transport, stands for no outer wrap in the reference.
    const outer = seed.length === 0 ? undefined : { protector: parent.publicArea, seed };

    const name = nameOfPublic(tpm, objectPublic);
    const wraps = { name, nameAlg, symmetric, innerKey: encryptionKey, outer };
    const sensitive = blamingField(at, "duplicate", () => duplicateToSensitive(tpm, duplicate, wraps));
    // Under a parent that can itself be duplicated nothing is examined: TPM2_Load does it, here or elsewhere.
    if (TPMA_OBJECT.has(parent.publicArea.objectAttributes, "fixedTPM")) {
      checkLoad(tpm, undefined, objectPublic, sensitive, {
        public: (rc) => at("objectPublic", rc),
        sensitive: (rc) => at("duplicate", rc),
      });
    }
    return { outPrivate: sensitiveToPrivate(tpm, parent, { sensitive, name, nameAlg }) };
  },
});
