import { defineCommand } from "../../dispatch/command.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPMT_PUBLIC_PARMS } from "../../spec/structures/index.ts";

/**
 * Tells whether the TPM has the algorithms and sizes of some parameters: by decoding them.
 *
 * @spec Part 3, "TPM2_TestParms"
 */
export const TestParms = defineCommand({
  code: TPM_CC.TestParms,
  parameters: { parameters: TPMT_PUBLIC_PARMS },
  execute() {},
});
