import { EMPTY } from "@vtpm/wire";
import { defineCommand } from "../../dispatch/command.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_RC } from "../../spec/response-codes.ts";
import { TPM_RC_ID, TPM2B_MAX_BUFFER } from "../../spec/structures/index.ts";

/**
 * Tells what the self tests have found: nothing, or the TPM would be in failure mode.
 *
 * @spec Part 3, "TPM2_GetTestResult"
 */
export const GetTestResult = defineCommand({
  code: TPM_CC.GetTestResult,
  response: { outData: TPM2B_MAX_BUFFER, testResult: TPM_RC_ID },
  execute: () => ({ outData: EMPTY, testResult: TPM_RC.SUCCESS }),
});
