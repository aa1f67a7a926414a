import { authorized, defineCommand } from "../../dispatch/command.ts";
import { TPMA_OBJECT } from "../../spec/attributes.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_ALG } from "../../spec/constants.ts";
import { TPM_RC } from "../../spec/response-codes.ts";
import { TPM2B_SENSITIVE_DATA, TPMI_DH_OBJECT } from "../../spec/structures/index.ts";

const OF_A_KEY = TPMA_OBJECT.of({ decrypt: true, sign: true, restricted: true });

/**
 * Gives the data of a sealed data object out.
 *
 * @spec Part 3, "TPM2_Unseal"
 * @rc TYPE (itemHandle)        is not a keyed hash
 * @rc ATTRIBUTES (itemHandle)  is a key
 */
export const Unseal = defineCommand({
  code: TPM_CC.Unseal,
  handles: { itemHandle: authorized(TPMI_DH_OBJECT, "USER") },
  response: { outData: TPM2B_SENSITIVE_DATA },
  execute(tpm, { itemHandle }, at) {
    const object = tpm.objects.findKey(itemHandle);
    if (object?.publicArea.type !== TPM_ALG.KEYEDHASH) throw at("itemHandle", TPM_RC.TYPE);
    if (TPMA_OBJECT.intersects(object.publicArea.objectAttributes, OF_A_KEY)) {
      throw at("itemHandle", TPM_RC.ATTRIBUTES);
    }
    if (object.sensitive === undefined) throw new RangeError("the authorization let a public area through");
    return { outData: object.sensitive.sensitive };
  },
});
