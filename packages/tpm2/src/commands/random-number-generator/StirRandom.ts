import { defineCommand } from "../../dispatch/command.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM2B_SENSITIVE_DATA } from "../../spec/structures/index.ts";

/**
 * Mixes the caller's bytes into the source of randomness.
 *
 * @spec Part 3, "TPM2_StirRandom"
 */
export const StirRandom = defineCommand({
  code: TPM_CC.StirRandom,
  parameters: { inData: TPM2B_SENSITIVE_DATA },
  nv: true,
  execute(tpm, { inData }) {
    tpm.platform.stir(inData);
  },
});
