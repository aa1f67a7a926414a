import { equalBytes } from "@vtpm/wire";
import { authorized, defineCommand } from "../../dispatch/command.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_RC } from "../../spec/response-codes.ts";
import { TPM2B_AUTH, TPM2B_PRIVATE, TPMI_DH_OBJECT } from "../../spec/structures/index.ts";
import { paddedAuth } from "../../subsystems/keys/auth-size.ts";
import { qualifiedNameOf } from "../../subsystems/keys/names.ts";
import { sensitiveToPrivate } from "../../subsystems/keys/sensitive-wrapping.ts";

/**
 * Gives a copy of an object out that has another authValue. The loaded object keeps its own.
 *
 * @spec Part 3, "TPM2_ObjectChangeAuth"
 * @rc TYPE (objectHandle)  is a sequence
 * @rc SIZE (newAuth)       is longer than a digest of the object's nameAlg
 * @rc TYPE (parentHandle)  is not the object's parent, or the object was derived from it
 */
export const ObjectChangeAuth = defineCommand({
  code: TPM_CC.ObjectChangeAuth,
  handles: { objectHandle: authorized(TPMI_DH_OBJECT, "ADMIN"), parentHandle: TPMI_DH_OBJECT },
  parameters: { newAuth: TPM2B_AUTH },
  response: { outPrivate: TPM2B_PRIVATE },
  execute(tpm, { objectHandle, parentHandle, newAuth }, at) {
    const object = tpm.objects.findKey(objectHandle);
    if (object === undefined) throw at("objectHandle", TPM_RC.TYPE);
    const { name, qualifiedName, sensitive } = object;
    const { nameAlg } = object.publicArea;
    const authValue = paddedAuth(newAuth, nameAlg);
    if (authValue === undefined) throw at("newAuth", TPM_RC.SIZE);
    const parent = tpm.objects.findKey(parentHandle);
    const isParent = equalBytes(qualifiedName, qualifiedNameOf(tpm, parentHandle, nameAlg, name));
    // An object derived from its parent is not kept outside: there is no key to protect it with.
    if (parent === undefined || !tpm.objects.isParent(parent) || !isParent) throw at("parentHandle", TPM_RC.TYPE);
    if (sensitive === undefined) throw new RangeError("the authorization let a public area through");
    return { outPrivate: sensitiveToPrivate(tpm, parent, { sensitive: { ...sensitive, authValue }, name, nameAlg }) };
  },
});
