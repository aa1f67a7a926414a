import { defineCommand } from "../../dispatch/command.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_RC } from "../../spec/response-codes.ts";
import { TPM2B_NAME, TPM2B_PUBLIC_NULLABLE, TPMI_DH_OBJECT } from "../../spec/structures/index.ts";
import { TpmError } from "../../spec/tpm-error.ts";

/**
 * Tells what is public of an object.
 *
 * @spec Part 3, "TPM2_ReadPublic"
 * @rc SEQUENCE  the handle is of a sequence
 */
export const ReadPublic = defineCommand({
  code: TPM_CC.ReadPublic,
  handles: { objectHandle: TPMI_DH_OBJECT },
  response: { outPublic: TPM2B_PUBLIC_NULLABLE, name: TPM2B_NAME, qualifiedName: TPM2B_NAME },
  execute(tpm, { objectHandle }) {
    const object = tpm.objects.findKey(objectHandle);
    if (object === undefined) throw new TpmError(TPM_RC.SEQUENCE);
    return { outPublic: object.publicArea, name: object.name, qualifiedName: object.qualifiedName };
  },
});
