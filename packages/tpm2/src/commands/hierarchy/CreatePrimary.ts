import { blamingField } from "../../dispatch/blame.ts";
import { authorized, defineCommand } from "../../dispatch/command.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_RC } from "../../spec/response-codes.ts";
import {
  TPM_HANDLE,
  TPM2B_CREATION_DATA,
  TPM2B_DATA,
  TPM2B_DIGEST,
  TPM2B_NAME,
  TPM2B_PUBLIC,
  TPM2B_SENSITIVE_CREATE,
  TPMI_RH_HIERARCHY_NULLABLE,
  TPML_PCR_SELECTION,
  TPMT_TK_CREATION,
} from "../../spec/structures/index.ts";
import { paddedAuth } from "../../subsystems/keys/auth-size.ts";
import { creationDataOf } from "../../subsystems/keys/creation-data.ts";
import { createKey } from "../../subsystems/keys/key-generation.ts";
import { primarySource } from "../../subsystems/keys/key-sources.ts";
import { loadedObject } from "../../subsystems/keys/object-loading.ts";
import { checkCreation } from "../../subsystems/keys/public-checks.ts";
import { creationTicket } from "../../subsystems/tickets.ts";

/**
 * Derives an object from the seed of a hierarchy and loads it. The same seed, template and data give the same object.
 *
 * @spec Part 3, "TPM2_CreatePrimary"
 * @rc OBJECT_MEMORY         no slot is free
 * @rc ATTRIBUTES (inPublic) attributes contradict each other or the data given
 * @rc SIZE (inPublic)       authPolicy is no digest of nameAlg
 * @rc SCHEME (inPublic)     the scheme does not fit the attributes
 * @rc SYMMETRIC (inPublic)  the symmetric algorithm does not fit the attributes
 * @rc KDF (inPublic)        an ECC key with a key derivation of its own
 * @rc SIZE (inSensitive)    userAuth is longer than a digest of nameAlg
 * @rc RANGE                 the RSA exponent is not supported
 * @rc KEY_SIZE              the symmetric key given has another size
 * @rc KEY                   the TDES key given must not be used
 * @rc SIZE                  the HMAC or XOR key given is longer than a block of the hash
 */
export const CreatePrimary = defineCommand({
  code: TPM_CC.CreatePrimary,
  handles: { primaryHandle: authorized(TPMI_RH_HIERARCHY_NULLABLE, "USER") },
  parameters: {
    inSensitive: TPM2B_SENSITIVE_CREATE,
    inPublic: TPM2B_PUBLIC,
    outsideInfo: TPM2B_DATA,
    creationPCR: TPML_PCR_SELECTION,
  },
  responseHandles: { objectHandle: TPM_HANDLE },
  response: {
    outPublic: TPM2B_PUBLIC,
    creationData: TPM2B_CREATION_DATA,
    creationHash: TPM2B_DIGEST,
    creationTicket: TPMT_TK_CREATION,
    name: TPM2B_NAME,
  },
  physicalPresence: "optional",
  *execute(tpm, { primaryHandle, inSensitive, inPublic, outsideInfo, creationPCR }, at) {
    tpm.objects.requireFreeSlot();
    const { data } = inSensitive;
    blamingField(at, "inPublic", () => checkCreation(primaryHandle, inPublic, data.length));
    const { nameAlg } = inPublic;
    const userAuth = paddedAuth(inSensitive.userAuth, nameAlg);
    if (userAuth === undefined) throw at("inSensitive", TPM_RC.SIZE);

    const source = primarySource(tpm, primaryHandle, inPublic, data);
    const creation = createKey(tpm, { template: inPublic, userAuth, data, source });
    const { publicArea, sensitive, name } = yield* tpm.hierarchies.primaryKeyJobs.answer(primaryHandle, creation);
    const parentHandle = primaryHandle;
    const { creationData, creationHash } = creationDataOf(tpm, { parentHandle, nameAlg, creationPCR, outsideInfo });
    const seedCompatLevel = source.level;
    const object = loadedObject(tpm, { parentHandle, publicArea, sensitive, name, seedCompatLevel });
    return {
      objectHandle: tpm.objects.add(object),
      outPublic: publicArea,
      creationData,
      creationHash,
      creationTicket: creationTicket(tpm, primaryHandle, name, creationHash),
      name,
    };
  },
});
