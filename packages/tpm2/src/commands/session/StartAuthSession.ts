import { type Bytes, EMPTY } from "@vtpm/wire";
import { defineCommand } from "../../dispatch/command.ts";
import type { Engine } from "../../engine.ts";
import { TPMA_OBJECT } from "../../spec/attributes.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_ALG } from "../../spec/constants.ts";
import { handleTypeOf, TPM_HT, TPM_RH } from "../../spec/handles.ts";
import { TPM_RC } from "../../spec/response-codes.ts";
import {
  TPM_SE_ID,
  TPM2B_ENCRYPTED_SECRET,
  TPM2B_NONCE,
  TPMI_ALG_HASH,
  TPMI_DH_ENTITY_NULLABLE,
  TPMI_DH_OBJECT_NULLABLE,
  TPMI_SH_AUTH_SESSION,
  TPMT_SYM_DEF_NULLABLE,
} from "../../spec/structures/index.ts";
import { TpmError } from "../../spec/tpm-error.ts";
import { OBJECT_ATTRIBUTES, SLOT } from "../../state/object.ts";
import { digestSizeOf } from "../../subsystems/hash-algorithms.ts";
import { decryptSecret } from "../../subsystems/keys/secret-exchange.ts";

/** A shorter nonceCaller would make HMACs guessable. */
const SMALLEST_NONCE = 16;

/**
 * Starts an HMAC, policy or trial session, salted with a secret that a key of the TPM decrypts, bound to an entity, both
 * or neither.
 *
 * @spec Part 3, "TPM2_StartAuthSession"
 * @rc SIZE (nonceCaller)      fewer than 16 bytes, or more than a digest of authHash has
 * @rc KEY (tpmKey)            is not asymmetric
 * @rc VALUE (encryptedSalt)   there is one without tpmKey or none with it, or it cannot be decrypted
 * @rc HANDLE (tpmKey)         only its public area is loaded
 * @rc ATTRIBUTES (tpmKey)     does not decrypt
 * @rc HANDLE (bind)           only its public area is loaded, or it is a PIN Index
 * @rc MODE (symmetric)        a block cipher in another mode than CFB
 * @rc SESSION_MEMORY          no slot is free for a session
 * @rc CONTEXT_GAP             the last free slot is kept for the oldest saved session
 * @rc SESSION_HANDLES         as many sessions are active as the TPM can keep track of
 */
export const StartAuthSession = defineCommand({
  code: TPM_CC.StartAuthSession,
  handles: { tpmKey: TPMI_DH_OBJECT_NULLABLE, bind: TPMI_DH_ENTITY_NULLABLE },
  parameters: {
    nonceCaller: TPM2B_NONCE,
    encryptedSalt: TPM2B_ENCRYPTED_SECRET,
    sessionType: TPM_SE_ID,
    symmetric: TPMT_SYM_DEF_NULLABLE,
    authHash: TPMI_ALG_HASH,
  },
  responseHandles: { sessionHandle: TPMI_SH_AUTH_SESSION },
  response: { nonceTPM: TPM2B_NONCE },
  execute(tpm, { tpmKey, bind, nonceCaller, encryptedSalt, sessionType, symmetric, authHash }, at) {
    if (nonceCaller.length < SMALLEST_NONCE || nonceCaller.length > digestSizeOf(authHash)) {
      throw at("nonceCaller", TPM_RC.SIZE);
    }
    let salt = EMPTY;
    if (tpmKey === TPM_RH.NULL) {
      if (encryptedSalt.length !== 0) throw at("encryptedSalt", TPM_RC.VALUE);
    } else {
      const key = tpm.objects.findKey(tpmKey);
      const type = key?.publicArea.type;
      if (key === undefined || (type !== TPM_ALG.RSA && type !== TPM_ALG.ECC)) throw at("tpmKey", TPM_RC.KEY);
      if (encryptedSalt.length === 0) throw at("encryptedSalt", TPM_RC.VALUE);
      if (OBJECT_ATTRIBUTES.has(key.attributes, "publicOnly")) throw at("tpmKey", TPM_RC.HANDLE);
      if (!TPMA_OBJECT.has(key.publicArea.objectAttributes, "decrypt")) throw at("tpmKey", TPM_RC.ATTRIBUTES);
      // Why a salt cannot be decrypted must not be told apart.
      const decrypted = attempt(() => decryptSecret(tpm, key, "SECRET", encryptedSalt));
      if (decrypted === undefined) throw at("encryptedSalt", TPM_RC.VALUE);
      salt = decrypted;
    }
    if (!canBeBound(tpm, bind)) throw at("bind", TPM_RC.HANDLE);
    if ("mode" in symmetric && symmetric.mode !== TPM_ALG.CFB) throw at("symmetric", TPM_RC.MODE);
    return tpm.sessions.create({ sessionType, authHashAlg: authHash, nonceCaller, symmetric, bind, salt });
  },
});

function attempt(decrypt: () => Bytes): Bytes | undefined {
  try {
    return decrypt();
  } catch (error) {
    if (error instanceof TpmError) return undefined;
    throw error;
  }
}

/** The authValue must be there; and a PIN Index would let it be tried without counting. */
function canBeBound(tpm: Engine, handle: number): boolean {
  switch (handleTypeOf(handle)) {
    case TPM_HT.TRANSIENT:
    case TPM_HT.PERSISTENT: {
      const object = tpm.objects.get(handle);
      return object.kind === SLOT.SEQUENCE || !OBJECT_ATTRIBUTES.has(object.attributes, "publicOnly");
    }
    case TPM_HT.NV_INDEX:
      return !tpm.nv.isPin(handle);
    default:
      return true;
  }
}
