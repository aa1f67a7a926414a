import { EMPTY } from "@vtpm/wire";
import { blamingField } from "../../dispatch/blame.ts";
import { authorized, defineCommand } from "../../dispatch/command.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_RC } from "../../spec/response-codes.ts";
import { TPM2B_DIGEST, TPM2B_ENCRYPTED_SECRET, TPM2B_ID_OBJECT, TPMI_DH_OBJECT } from "../../spec/structures/index.ts";
import { credentialToSecret } from "../../subsystems/keys/credential.ts";
import { isAsymmetricStorageKey } from "../../subsystems/keys/key-kinds.ts";
import { decryptSecret } from "../../subsystems/keys/secret-exchange.ts";

/**
 * Opens a credential: proves that this TPM has both the key and the object the credential is for.
 *
 * @spec Part 3, "TPM2_ActivateCredential"
 * @rc TYPE (keyHandle)             is not an asymmetric storage key
 * @rc SIZE (secret)                is no ciphertext or point of the key
 * @rc INSUFFICIENT (secret)        is no point
 * @rc VALUE (secret)               cannot be decrypted
 * @rc ECC_POINT (secret)           is not on the key's curve
 * @rc NO_RESULT                    the shared point is at infinity
 * @rc INTEGRITY (credentialBlob)   is for another key or object
 * @rc SIZE (credentialBlob)        is not one digest
 * @rc INSUFFICIENT (credentialBlob)  ends too early
 */
export const ActivateCredential = defineCommand({
  code: TPM_CC.ActivateCredential,
  handles: {
    activateHandle: authorized(TPMI_DH_OBJECT, "ADMIN"),
    keyHandle: authorized(TPMI_DH_OBJECT, "USER"),
  },
  parameters: { credentialBlob: TPM2B_ID_OBJECT, secret: TPM2B_ENCRYPTED_SECRET },
  response: { certInfo: TPM2B_DIGEST },
  execute(tpm, { activateHandle, keyHandle, credentialBlob, secret }, at) {
    const key = tpm.objects.findKey(keyHandle);
    if (key === undefined || !isAsymmetricStorageKey(key)) throw at("keyHandle", TPM_RC.TYPE);
    const seed = blamingField(at, "secret", () => decryptSecret(tpm, key, "IDENTITY", secret));
    const protection = { protector: key.publicArea, seed, name: tpm.objects.findKey(activateHandle)?.name ?? EMPTY };
    return {
      certInfo: blamingField(at, "credentialBlob", () => credentialToSecret(tpm, protection, credentialBlob)),
    };
  },
});
