import { parseArgs } from "node:util";
import { fuzzState } from "./fuzz.ts";

/** Looks for as long as is wanted: what `npm run fuzz:state` runs. */
export async function main(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      minutes: { type: "string", default: "1" },
      seed: { type: "string", default: String(Math.floor(Math.random() * 1e9)) },
    },
  });
  const seed = Number(values.seed);
  const start = performance.now();
  console.log(`fuzzing stored state from seed ${seed} for ${values.minutes} minutes`);
  const isOver = (): boolean => performance.now() - start > Number(values.minutes) * 60_000;
  const { cases, taken, failure } = fuzzState({ seed, isOver });
  console.log(`${cases} cases; taken: ${[...taken].map(([name, count]) => `${name} ${count}`).join(", ")}`);
  if (failure !== undefined) console.error(`FAILED: ${failure}`);
  return failure === undefined ? 0 : 1;
}
