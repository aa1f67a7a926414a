import { blamingField } from "../../dispatch/blame.ts";
import { authorized, defineCommand } from "../../dispatch/command.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_RC } from "../../spec/response-codes.ts";
import {
  TPM2B_CREATION_DATA,
  TPM2B_DATA,
  TPM2B_DIGEST,
  TPM2B_PRIVATE,
  TPM2B_PUBLIC,
  TPM2B_SENSITIVE_CREATE,
  TPMI_DH_OBJECT,
  TPML_PCR_SELECTION,
  TPMT_TK_CREATION,
} from "../../spec/structures/index.ts";
import { paddedAuth } from "../../subsystems/keys/auth-size.ts";
import { creationDataOf } from "../../subsystems/keys/creation-data.ts";
import { createKey } from "../../subsystems/keys/key-generation.ts";
import { freshSource } from "../../subsystems/keys/key-sources.ts";
import { checkCreation } from "../../subsystems/keys/public-checks.ts";
import { sensitiveToPrivate } from "../../subsystems/keys/sensitive-wrapping.ts";
import { creationTicket } from "../../subsystems/tickets.ts";

/**
 * Makes an object under a parent. It is not loaded: the caller gets it protected by the parent.
 *
 * @spec Part 3, "TPM2_Create"
 * @rc TYPE (parentHandle)   is not a storage key
 * @rc OBJECT_MEMORY         no slot is free to work in
 * @rc ATTRIBUTES (inPublic) attributes contradict each other, the parent's or the data given
 * @rc HASH (inPublic)       a storage key that stays here must have the parent's nameAlg
 * @rc SIZE (inPublic)       authPolicy is no digest of nameAlg
 * @rc SCHEME (inPublic)     the scheme does not fit the attributes
 * @rc SYMMETRIC (inPublic)  the symmetric algorithm does not fit the attributes or the parent
 * @rc KDF (inPublic)        an ECC key with a key derivation of its own
 * @rc SIZE (inSensitive)    userAuth is longer than a digest of nameAlg
 * @rc RANGE                 the RSA exponent is not supported
 * @rc KEY_SIZE              the symmetric key given has another size
 * @rc KEY                   the TDES key given must not be used
 * @rc SIZE                  the HMAC or XOR key given is longer than a block of the hash
 */
export const Create = defineCommand({
  code: TPM_CC.Create,
  handles: { parentHandle: authorized(TPMI_DH_OBJECT, "USER") },
  parameters: {
    inSensitive: TPM2B_SENSITIVE_CREATE,
    inPublic: TPM2B_PUBLIC,
    outsideInfo: TPM2B_DATA,
    creationPCR: TPML_PCR_SELECTION,
  },
  response: {
    outPrivate: TPM2B_PRIVATE,
    outPublic: TPM2B_PUBLIC,
    creationData: TPM2B_CREATION_DATA,
    creationHash: TPM2B_DIGEST,
    creationTicket: TPMT_TK_CREATION,
  },
  *execute(tpm, { parentHandle, inSensitive, inPublic, outsideInfo, creationPCR }, at) {
    const parent = tpm.objects.findKey(parentHandle);
    if (parent === undefined || !tpm.objects.isParent(parent)) throw at("parentHandle", TPM_RC.TYPE);
    tpm.objects.requireFreeSlot();
    const { data } = inSensitive;
    blamingField(at, "inPublic", () => checkCreation(parent, inPublic, data.length));
    const { nameAlg } = inPublic;
    const userAuth = paddedAuth(inSensitive.userAuth, nameAlg);
    if (userAuth === undefined) throw at("inSensitive", TPM_RC.SIZE);

    const created = yield* createKey(tpm, { template: inPublic, userAuth, data, source: freshSource(tpm) });
    const { publicArea, sensitive, name } = created;
    const { creationData, creationHash } = creationDataOf(tpm, { parentHandle, nameAlg, creationPCR, outsideInfo });
    return {
      outPrivate: sensitiveToPrivate(tpm, parent, { sensitive, name, nameAlg }),
      outPublic: publicArea,
      creationData,
      creationHash,
      creationTicket: creationTicket(tpm, tpm.entities.hierarchyOf(parentHandle), name, creationHash),
    };
  },
});
