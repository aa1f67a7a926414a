import { EMPTY } from "@vtpm/wire";
import { blamingField } from "../../dispatch/blame.ts";
import { authorized, defineCommand } from "../../dispatch/command.ts";
import { TPMA_OBJECT } from "../../spec/attributes.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_ALG } from "../../spec/constants.ts";
import { TPM_RC } from "../../spec/response-codes.ts";
import {
  TPM_HANDLE,
  TPM2B_NAME,
  TPM2B_PRIVATE,
  TPM2B_PUBLIC,
  TPM2B_SENSITIVE_CREATE,
  TPM2B_TEMPLATE,
  TPMI_DH_PARENT_NULLABLE,
} from "../../spec/structures/index.ts";
import { TpmError } from "../../spec/tpm-error.ts";
import { OBJECT_ATTRIBUTES } from "../../state/object.ts";
import { refuseEccDerivation } from "../../subsystems/ecc-derivation.ts";
import { paddedAuth } from "../../subsystems/keys/auth-size.ts";
import { derivationLabel, readTemplate } from "../../subsystems/keys/creation-template.ts";
import { createKey } from "../../subsystems/keys/key-generation.ts";
import { derivedSource, freshSource, primarySource } from "../../subsystems/keys/key-sources.ts";
import { loadedObject } from "../../subsystems/keys/object-loading.ts";
import { checkCreation, checkPublic } from "../../subsystems/keys/public-checks.ts";
import { sensitiveToPrivate } from "../../subsystems/keys/sensitive-wrapping.ts";

/**
 * Makes an object and loads it: an ordinary one under a storage key, a primary one in a hierarchy, or one derived from a
 * derivation parent.
 *
 * @spec Part 3, "TPM2_CreateLoaded"
 * @rc TYPE (parentHandle)   is neither a storage key nor a derivation parent
 * @rc OBJECT_MEMORY         no slot is free
 * @rc SIZE (inPublic)       there is more than a template, or authPolicy is no digest of nameAlg
 * @rc INSUFFICIENT (inPublic)  no whole template
 * @rc SIZE (inSensitive)    userAuth is longer than a digest of nameAlg
 * @rc TYPE (inPublic)       RSA keys cannot be derived, nor ECC keys if the profile forbids it
 * @rc ATTRIBUTES            the secret of a derived object does not come from the TPM
 * @rc ATTRIBUTES (inPublic) attributes contradict each other, the parent's or the data given
 * @rc HASH (inPublic)       a storage key that stays here must have the parent's nameAlg
 * @rc SCHEME (inPublic)     the scheme does not fit the attributes
 * @rc SYMMETRIC (inPublic)  the symmetric algorithm does not fit the attributes or the parent
 * @rc KDF (inPublic)        an ECC key with a key derivation of its own
 * @rc SIZE                  a label or context is too long, or the HMAC or XOR key given longer than a block of the hash
 * @rc INSUFFICIENT          label and context are not complete
 * @rc RANGE                 the RSA exponent is not supported
 * @rc KEY_SIZE              the symmetric key given has another size
 * @rc KEY                   the TDES key given must not be used
 */
export const CreateLoaded = defineCommand({
  code: TPM_CC.CreateLoaded,
  handles: { parentHandle: authorized(TPMI_DH_PARENT_NULLABLE, "USER") },
  parameters: { inSensitive: TPM2B_SENSITIVE_CREATE, inPublic: TPM2B_TEMPLATE },
  responseHandles: { objectHandle: TPM_HANDLE },
  response: { outPrivate: TPM2B_PRIVATE, outPublic: TPM2B_PUBLIC, name: TPM2B_NAME },
  physicalPresence: "optional",
  *execute(tpm, { parentHandle, inSensitive, inPublic }, at) {
    const isUnderObject = tpm.objects.isObject(parentHandle);
    const parent = isUnderObject ? tpm.objects.findKey(parentHandle) : undefined;
    const isDerivation = parent !== undefined && OBJECT_ATTRIBUTES.has(parent.attributes, "derivation");
    if (isUnderObject && !isDerivation && (parent === undefined || !tpm.objects.isParent(parent))) {
      throw at("parentHandle", TPM_RC.TYPE);
    }
    tpm.objects.requireFreeSlot();
    const { template, derive } = blamingField(at, "inPublic", () => readTemplate(tpm, inPublic, isDerivation));
    const userAuth = paddedAuth(inSensitive.userAuth, template.nameAlg);
    if (userAuth === undefined) throw at("inSensitive", TPM_RC.SIZE);
    let { data } = inSensitive;
    let source: ReturnType<typeof freshSource>;
    if (parent !== undefined && derive !== undefined) {
      if (template.type === TPM_ALG.RSA) throw at("inPublic", TPM_RC.TYPE);
      if (template.type === TPM_ALG.ECC) refuseEccDerivation(tpm, at("inPublic", TPM_RC.TYPE));
      if (TPMA_OBJECT.has(template.objectAttributes, "sensitiveDataOrigin")) throw new TpmError(TPM_RC.ATTRIBUTES);
      blamingField(at, "inPublic", () => checkPublic(parent, template));
      source = derivedSource(tpm, parent, derivationLabel(tpm, derive, data));
      data = EMPTY;
    } else {
      blamingField(at, "inPublic", () => checkCreation(parent ?? parentHandle, template, data.length));
      source = parent === undefined ? primarySource(tpm, parentHandle, template, data) : freshSource(tpm);
    }

    const { publicArea, sensitive, name } = yield* createKey(tpm, { template, userAuth, data, source });
    const { nameAlg } = publicArea;
    const isOrdinary = parent !== undefined && !isDerivation;
    const outPrivate = isOrdinary ? sensitiveToPrivate(tpm, parent, { sensitive, name, nameAlg }) : EMPTY;
    const seedCompatLevel = source.level;
    const object = loadedObject(tpm, { parentHandle, publicArea, sensitive, name, seedCompatLevel });
    return { objectHandle: tpm.objects.add(object), outPrivate, outPublic: publicArea, name };
  },
});
