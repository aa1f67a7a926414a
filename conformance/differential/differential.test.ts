import { NULL_PROFILE } from "@vtpm/tpm2";
import { Statistics } from "@vtpm/tpm2/testing/fuzz";
import { expect, inject, test } from "vitest";
import { compareOnce, type Observations } from "./differential.ts";

/** The suite's share, the same on every machine; `npm run fuzz:swtpm -- --minutes 30 --seed N` compares longer. */
const SEQUENCES = 24;
const FIRST_SEED = 1000;
const STEPS = 150;

const isMissing = inject("missingPrograms").includes("swtpm");

test.skipIf(isMissing)(
  "the same commands get the same answers from swtpm, known differences apart",
  { timeout: 300_000 },
  async () => {
    // What libtpms 0.9 has.
    const profile = NULL_PROFILE;
    const observations: Observations = { profile, statistics: new Statistics(), known: new Map(), compared: 0 };
    for (let seed = FIRST_SEED; seed < FIRST_SEED + SEQUENCES; seed++) {
      expect(await compareOnce(seed, STEPS, observations)).toBeUndefined();
    }
    expect(observations.compared).toBeGreaterThan(0);
  },
);
