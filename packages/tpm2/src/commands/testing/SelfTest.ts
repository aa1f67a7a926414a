import { defineCommand } from "../../dispatch/command.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPMI_YES_NO } from "../../spec/structures/index.ts";
import { runSelfTests } from "../../subsystems/self-tests.ts";

/**
 * Tests every algorithm against known answers, or only those not tested yet. One that fails takes the TPM into failure mode.
 *
 * @spec Part 3, "TPM2_SelfTest"
 */
export const SelfTest = defineCommand({
  code: TPM_CC.SelfTest,
  parameters: { fullTest: TPMI_YES_NO },
  nv: true,
  execute(tpm, { fullTest }) {
    const { crypto } = tpm.platform;
    runSelfTests(crypto, fullTest === 1 ? tpm.profile.algorithms.keys() : tpm.ram.untested);
    tpm.changeRam({ untested: [] });
  },
});
