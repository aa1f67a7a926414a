import { type Bytes, EMPTY } from "@vtpm/wire";
import { blamingField } from "../../dispatch/blame.ts";
import { authorized, defineCommand } from "../../dispatch/command.ts";
import type { Engine } from "../../engine.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_RH } from "../../spec/handles.ts";
import { TPM_RC } from "../../spec/response-codes.ts";
import {
  TPM2B_ENCRYPTED_SECRET,
  TPM2B_NAME,
  TPM2B_PRIVATE,
  TPMI_DH_OBJECT_NULLABLE,
} from "../../spec/structures/index.ts";
import { TpmError } from "../../spec/tpm-error.ts";
import type { KEY_SLOT } from "../../state/object.ts";
import { digestSizeOf } from "../../subsystems/hash-algorithms.ts";
import { outerProtection } from "../../subsystems/keys/duplication.ts";
import { isAsymmetricStorageKey } from "../../subsystems/keys/key-kinds.ts";
import { unwrapOuter, wrapOuter } from "../../subsystems/keys/outer-wrap.ts";
import { decryptSecret, encryptSecret } from "../../subsystems/keys/secret-exchange.ts";

/**
 * Hands a duplicate on: takes the outer wrap for one parent off and puts one for another around it.
 *
 * @spec Part 3, "TPM2_Rewrap"
 * @rc HANDLE (oldParent)         NULL although there is a seed, or a parent and no seed
 * @rc TYPE (oldParent)           is not an asymmetric storage key
 * @rc VALUE (inSymSeed)          cannot be decrypted
 * @rc INTEGRITY (inDuplicate)    not for oldParent, or for another Name
 * @rc SIZE (inDuplicate)         has no integrity value
 * @rc INSUFFICIENT (inDuplicate) ends too early
 * @rc TYPE (newParent)           is not an asymmetric storage key
 * @rc VALUE (inDuplicate)        with the new wrap it would be too long
 * @rc KEY                        the new parent's point is not on its curve
 * @rc VALUE                      the new parent has no nameAlg
 * @rc FAILURE                    the new parent's modulus is too small for its nameAlg
 */
export const Rewrap = defineCommand({
  code: TPM_CC.Rewrap,
  handles: { oldParent: authorized(TPMI_DH_OBJECT_NULLABLE, "USER"), newParent: TPMI_DH_OBJECT_NULLABLE },
  parameters: { inDuplicate: TPM2B_PRIVATE, name: TPM2B_NAME, inSymSeed: TPM2B_ENCRYPTED_SECRET },
  response: { outDuplicate: TPM2B_PRIVATE, outSymSeed: TPM2B_ENCRYPTED_SECRET },
  execute(tpm, { oldParent, newParent, inDuplicate, name, inSymSeed }, at) {
    if ((inSymSeed.length === 0) !== (oldParent === TPM_RH.NULL)) throw at("oldParent", TPM_RC.HANDLE);
    let blob = inDuplicate;
    if (oldParent !== TPM_RH.NULL) {
      const parent = storageKey(tpm, oldParent);
      if (parent === undefined) throw at("oldParent", TPM_RC.TYPE);
      const seed = attempt(() => decryptSecret(tpm, parent, "DUPLICATE", inSymSeed));
      if (seed === undefined) throw at("inSymSeed", TPM_RC.VALUE);
      const protection = outerProtection({ protector: parent.publicArea, seed }, name);
      blob = blamingField(at, "inDuplicate", () => unwrapOuter(tpm, protection, inDuplicate));
    }
    if (newParent === TPM_RH.NULL) return { outDuplicate: blob, outSymSeed: EMPTY };
    const parent = storageKey(tpm, newParent);
    if (parent === undefined) throw at("newParent", TPM_RC.TYPE);
    const { secret: seed, encrypted } = encryptSecret(tpm, parent, "DUPLICATE");
    const size = 2 + digestSizeOf(parent.publicArea.nameAlg) + blob.length;
    if (size > tpm.profile.limit("MAX_PRIVATE_SIZE")) throw at("inDuplicate", TPM_RC.VALUE);
    const protection = outerProtection({ protector: parent.publicArea, seed }, name);
    return { outDuplicate: wrapOuter(tpm, protection, blob), outSymSeed: encrypted };
  },
});

function storageKey(tpm: Engine, handle: number): KEY_SLOT | undefined {
  const key = tpm.objects.findKey(handle);
  return key !== undefined && isAsymmetricStorageKey(key) ? key : undefined;
}

/** Why a seed cannot be decrypted is not told. */
function attempt(decrypt: () => Bytes): Bytes | undefined {
  try {
    return decrypt();
  } catch (error) {
    if (error instanceof TpmError) return undefined;
    throw error;
  }
}
