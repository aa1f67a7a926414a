import { defineCommand } from "../../dispatch/command.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPMS_TIME_INFO } from "../../spec/structures/index.ts";

/**
 * Reads Time and Clock.
 *
 * @spec Part 3, "TPM2_ReadClock"
 */
export const ReadClock = defineCommand({
  code: TPM_CC.ReadClock,
  response: { currentTime: TPMS_TIME_INFO },
  execute: (tpm) => ({ currentTime: tpm.clock.timeInfo() }),
});
