import { parseArgs } from "node:util";
import { parseProfile } from "@vtpm/tpm2";
import { Statistics } from "@vtpm/tpm2/testing/fuzz";
import { compareOnce, type Observations } from "./differential.ts";

/** After so many there is enough to think about. */
const MOST_DIFFERENCES = 6;

/** Compares for as long as is wanted, and goes on after a difference: what `npm run fuzz:swtpm` runs. */
export async function main(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      profile: { type: "string", default: '{"Name":"null"}' },
      minutes: { type: "string", default: "1" },
      seed: { type: "string", default: "1" },
      sequences: { type: "string", default: "Infinity" },
      steps: { type: "string", default: "150" },
    },
  });
  const profile = parseProfile(values.profile);
  const observations: Observations = { profile, statistics: new Statistics(), known: new Map(), compared: 0 };
  const start = performance.now();
  let differences = 0;
  for (let i = 0; i < Number(values.sequences) && differences < MOST_DIFFERENCES; i++) {
    if (performance.now() - start > Number(values.minutes) * 60_000) break;
    const found = await compareOnce(Number(values.seed) + i, Number(values.steps), observations);
    if (found === undefined) continue;
    differences++;
    console.log(`DIFFERENCE: ${found}\n`);
  }
  console.log(observations.statistics.report());
  for (const [reason, times] of observations.known) console.log(`known, ${times} times: ${reason}`);
  console.log(`${observations.statistics.steps} steps, ${observations.compared} compared, ${differences} differences`);
  return differences === 0 ? 0 : 1;
}
