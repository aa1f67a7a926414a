import { authorized, defineCommand } from "../../dispatch/command.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_CLOCK_ADJUST } from "../../spec/constants.ts";
import { TPM_CLOCK_ADJUST_ID, TPMI_RH_PROVISION } from "../../spec/structures/index.ts";

/** Steps of libtpms' oscillator; a positive number makes Time slower. */
const STEPS: Readonly<Record<TPM_CLOCK_ADJUST, number>> = {
  [TPM_CLOCK_ADJUST.COARSE_SLOWER]: 300,
  [TPM_CLOCK_ADJUST.MEDIUM_SLOWER]: 30,
  [TPM_CLOCK_ADJUST.FINE_SLOWER]: 1,
  [TPM_CLOCK_ADJUST.NO_CHANGE]: 0,
  [TPM_CLOCK_ADJUST.FINE_FASTER]: -1,
  [TPM_CLOCK_ADJUST.MEDIUM_FASTER]: -30,
  [TPM_CLOCK_ADJUST.COARSE_FASTER]: -300,
};

/**
 * Makes Time and Clock go slower or faster.
 *
 * @spec Part 3, "TPM2_ClockRateAdjust"
 */
export const ClockRateAdjust = defineCommand({
  code: TPM_CC.ClockRateAdjust,
  handles: { auth: authorized(TPMI_RH_PROVISION, "USER") },
  parameters: { rateAdjust: TPM_CLOCK_ADJUST_ID },
  physicalPresence: "optional",
  execute(tpm, { rateAdjust }) {
    tpm.clock.adjustRate(STEPS[rateAdjust]);
  },
});
