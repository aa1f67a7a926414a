import { defineCommand } from "../../dispatch/command.ts";
import { TPM_CC } from "../../spec/command-codes.ts";
import { TPM_RC } from "../../spec/response-codes.ts";
import { TPML_ALG } from "../../spec/structures/index.ts";
import { runSelfTests } from "../../subsystems/self-tests.ts";

/**
 * Tests the given algorithms and tells which are still to be tested: those that have been neither tested nor used since the
 * start.
 *
 * @spec Part 3, "TPM2_IncrementalSelfTest"
 * @rc VALUE (toTest)  an algorithm that the TPM does not have
 */
export const IncrementalSelfTest = defineCommand({
  code: TPM_CC.IncrementalSelfTest,
  parameters: { toTest: TPML_ALG },
  response: { toDoList: TPML_ALG },
  nv: true,
  execute(tpm, { toTest }, at) {
    if (toTest.some((algorithm) => !tpm.profile.algorithms.has(algorithm))) throw at("toTest", TPM_RC.VALUE);
    runSelfTests(tpm.platform.crypto, toTest);
    for (const algorithm of toTest) tpm.countAsTested(algorithm);
    return { toDoList: tpm.ram.untested };
  },
});
