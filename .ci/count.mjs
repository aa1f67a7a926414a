/**
 * Prints how many tests passed, failed and were skipped, from vitest's JSON report, as the last line of a run; exits
 * non-zero if anything failed. A test file that did not even load counts as one failed test.
 */
import { readFileSync } from "node:fs";

const [, , file, failedSteps] = process.argv;
const counts = { passed: 0, failed: 0, skipped: 0 };
try {
  for (const { status, assertionResults } of JSON.parse(readFileSync(file, "utf8")).testResults) {
    for (const test of assertionResults)
      counts[test.status === "passed" || test.status === "failed" ? test.status : "skipped"]++;
    if (status === "failed" && !assertionResults.some((test) => test.status === "failed")) counts.failed++;
  }
} catch (error) {
  console.log(`no report of the tests: ${error.message}`);
  counts.failed++;
}
const { passed, failed, skipped } = counts;
process.exitCode = failed > 0 || failedSteps !== "0" ? 1 : 0;
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
