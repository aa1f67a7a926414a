import { parseArgs } from "node:util";
import { parseProfile } from "../../profile.ts";
import type { Move } from "./engine-peer.ts";
import { campaign } from "./index.ts";

/** Looks for as long as is wanted: what `npm run fuzz` runs. `move` is what a twin goes through before every command. */
export async function main(args: readonly string[], move?: Move): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      profile: { type: "string", default: "default-v1" },
      minutes: { type: "string", default: "1" },
      seed: { type: "string", default: String(Math.floor(Math.random() * 1e9)) },
      sequences: { type: "string", default: "Infinity" },
      steps: { type: "string", default: "250" },
    },
  });
  const seed = Number(values.seed);
  const start = performance.now();
  console.log(`fuzzing from seed ${seed} for ${values.minutes} minutes, profile ${values.profile}`);
  const { sequences, statistics, failure } = await campaign({
    seed,
    profile: parseProfile(JSON.stringify({ Name: values.profile })),
    ...(move === undefined ? {} : { move }),
    length: Number(values.steps),
    now: () => performance.now(),
    isOver: (done) => done >= Number(values.sequences) || performance.now() - start > Number(values.minutes) * 60_000,
  });
  console.log(statistics.report());
  console.log(`never succeeded: ${statistics.neverSucceeded().join(", ") || "none"}`);
  console.log(`${sequences} sequences, ${statistics.steps} steps`);
  if (failure !== undefined) console.error(`FAILED: ${failure}`);
  return failure === undefined ? 0 : 1;
}
