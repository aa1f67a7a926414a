import { expect, test } from "vitest";
import { fuzzState } from "./fuzz.ts";

/** `npm run fuzz:state` looks for longer, from other seeds. */
const CASES = 5000;

test("damaged images, envelopes and headers are refused, or are states that work", () => {
  const { taken, failure } = fuzzState({ seed: 1, isOver: (cases) => cases >= CASES });
  expect(failure).toBeUndefined();
  // If nothing were taken, nothing but the first check would have been tested.
  for (const [name, count] of taken) expect(count, name).toBeGreaterThan(5);
});
