import { UINT16 } from "@vtpm/wire";
import { defineCommand } from "../../dispatch/command.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM2B_DIGEST } from "../../spec/structures/index.ts";

/**
 * Gives random bytes, at most as many as the largest digest has.
 *
 * @spec Part 3, "TPM2_GetRandom"
 */
export const GetRandom = defineCommand({
  code: TPM_CC.GetRandom,
  parameters: { bytesRequested: UINT16 },
  response: { randomBytes: TPM2B_DIGEST },
  execute(tpm, { bytesRequested }) {
    return { randomBytes: tpm.random(Math.min(bytesRequested, tpm.profile.limit("MAX_DIGEST_SIZE"))) };
  },
});
