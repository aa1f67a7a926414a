import { EMPTY } from "@vtpm/wire";
import { authorized, defineCommand } from "../../dispatch/command.ts";
import { TPMA_OBJECT } from "../../spec/attributes.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_ALG } from "../../spec/constants.ts";
import { TPM_RH } from "../../spec/handles.ts";
import { TPM_RC } from "../../spec/response-codes.ts";
import {
  TPM2B_DATA,
  TPM2B_ENCRYPTED_SECRET,
  TPM2B_PRIVATE,
  TPMI_DH_OBJECT,
  TPMI_DH_OBJECT_NULLABLE,
  TPMT_SYM_DEF_OBJECT_NULLABLE,
} from "../../spec/structures/index.ts";
import { sensitiveToDuplicate } from "../../subsystems/keys/duplication.ts";
import { isAsymmetricStorageKey } from "../../subsystems/keys/key-kinds.ts";
import { encryptSecret } from "../../subsystems/keys/secret-exchange.ts";

/**
 * Gives an object out for another parent, perhaps of another TPM.
 *
 * @spec Part 3, "TPM2_Duplicate"
 * @rc ATTRIBUTES (objectHandle)     the object stays with its parent
 * @rc TYPE (objectHandle)           the object has no nameAlg
 * @rc TYPE (newParentHandle)        is not an asymmetric storage key
 * @rc SYMMETRIC (symmetricAlg)      the object must be encrypted inside
 * @rc HIERARCHY (newParentHandle)   the object must be encrypted for a parent
 * @rc SIZE (encryptionKeyIn)        is no key of symmetricAlg
 * @rc KEY                           the new parent's point is not on its curve
 * @rc VALUE                         the new parent has no nameAlg
 * @rc FAILURE                       the new parent's modulus is too small for its nameAlg
 */
export const Duplicate = defineCommand({
  code: TPM_CC.Duplicate,
  handles: { objectHandle: authorized(TPMI_DH_OBJECT, "DUP"), newParentHandle: TPMI_DH_OBJECT_NULLABLE },
  parameters: { encryptionKeyIn: TPM2B_DATA, symmetricAlg: TPMT_SYM_DEF_OBJECT_NULLABLE },
  response: { encryptionKeyOut: TPM2B_DATA, duplicate: TPM2B_PRIVATE, outSymSeed: TPM2B_ENCRYPTED_SECRET },
  execute(tpm, { objectHandle, newParentHandle, encryptionKeyIn, symmetricAlg: symmetric }, at) {
    const object = tpm.objects.findKey(objectHandle);
    if (object?.sensitive === undefined)
      throw new RangeError("the authorization let something else than a key through");
    const { name, publicArea, sensitive } = object;
    const { nameAlg, objectAttributes } = publicArea;
    if (TPMA_OBJECT.has(objectAttributes, "fixedParent")) throw at("objectHandle", TPM_RC.ATTRIBUTES);
    if (nameAlg === TPM_ALG.NULL) throw at("objectHandle", TPM_RC.TYPE);
    const newParent = newParentHandle === TPM_RH.NULL ? undefined : tpm.objects.findKey(newParentHandle);
    if (newParentHandle !== TPM_RH.NULL && (newParent === undefined || !isAsymmetricStorageKey(newParent))) {
      throw at("newParentHandle", TPM_RC.TYPE);
    }
    if (TPMA_OBJECT.has(objectAttributes, "encryptedDuplication")) {
      if (symmetric.algorithm === TPM_ALG.NULL) throw at("symmetricAlg", TPM_RC.SYMMETRIC);
      if (newParent === undefined) throw at("newParentHandle", TPM_RC.HIERARCHY);
    }
    const keySize = symmetric.algorithm === TPM_ALG.NULL ? 0 : symmetric.keyBits / 8;
    const isGiven = encryptionKeyIn.length !== 0;
    if (isGiven && encryptionKeyIn.length !== keySize) throw at("encryptionKeyIn", TPM_RC.SIZE);

    const exchanged = newParent === undefined ? undefined : encryptSecret(tpm, newParent, "DUPLICATE");
    const outer =
      newParent === undefined || exchanged === undefined
        ? undefined
        : { protector: newParent.publicArea, seed: exchanged.secret };
    const innerKey = isGiven || keySize === 0 ? encryptionKeyIn : tpm.random(keySize);
    return {
      encryptionKeyOut: isGiven ? EMPTY : innerKey,
      duplicate: sensitiveToDuplicate(tpm, sensitive, { name, nameAlg, symmetric, innerKey, outer }),
      outSymSeed: exchanged?.encrypted ?? EMPTY,
    };
  },
});
