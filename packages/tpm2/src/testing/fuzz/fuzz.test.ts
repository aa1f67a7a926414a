import { expect, test } from "vitest";
import { campaign } from "./index.ts";

/** The suite's share, the same on every machine; `npm run fuzz -- --minutes 30 --seed N` looks longer. */
const SEQUENCES = 26;

test("random sequences of commands keep every promise of the engine", { timeout: 240_000 }, async () => {
  const { failure, sequences } = await campaign({
    seed: 1,
    now: () => performance.now(),
    isOver: (done) => done >= SEQUENCES,
  });
  expect(failure).toBeUndefined();
  expect(sequences).toBe(SEQUENCES);
});
