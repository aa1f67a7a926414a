import { defineCommand } from "../../dispatch/command.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_RC } from "../../spec/response-codes.ts";
import {
  TPM2B_DIGEST,
  TPM2B_ENCRYPTED_SECRET,
  TPM2B_ID_OBJECT,
  TPM2B_NAME,
  TPMI_DH_OBJECT,
} from "../../spec/structures/index.ts";
import { digestSizeOf } from "../../subsystems/hash-algorithms.ts";
import { secretToCredential } from "../../subsystems/keys/credential.ts";
import { isAsymmetricStorageKey } from "../../subsystems/keys/key-kinds.ts";
import { encryptSecret } from "../../subsystems/keys/secret-exchange.ts";

/**
 * Protects a credential so that it can be read only where the key and an object with the given Name are together.
 *
 * @spec Part 3, "TPM2_MakeCredential"
 * @rc TYPE (handle)      is not an asymmetric storage key
 * @rc SIZE (credential)  is longer than a digest of the key's nameAlg
 * @rc KEY                the key's point is not on its curve
 * @rc VALUE              the key has no nameAlg
 * @rc FAILURE            the key's modulus is too small for its nameAlg
 */
export const MakeCredential = defineCommand({
  code: TPM_CC.MakeCredential,
  handles: { handle: TPMI_DH_OBJECT },
  parameters: { credential: TPM2B_DIGEST, objectName: TPM2B_NAME },
  response: { credentialBlob: TPM2B_ID_OBJECT, secret: TPM2B_ENCRYPTED_SECRET },
  execute(tpm, { handle, credential, objectName }, at) {
    const key = tpm.objects.findKey(handle);
    if (key === undefined || !isAsymmetricStorageKey(key)) throw at("handle", TPM_RC.TYPE);
    if (credential.length > digestSizeOf(key.publicArea.nameAlg)) throw at("credential", TPM_RC.SIZE);
    const { secret: seed, encrypted } = encryptSecret(tpm, key, "IDENTITY");
    const protection = { protector: key.publicArea, seed, name: objectName };
    return { credentialBlob: secretToCredential(tpm, protection, credential), secret: encrypted };
  },
});
