import { expect, test } from "vitest";
import { campaign } from "./index.ts";

/** The suite's share; `npm run fuzz -- --minutes 30 --seed N` looks longer. */
const SUITE_MS = 20_000;

test("random sequences of commands keep every promise of the engine", { timeout: 180_000 }, async () => {
  const start = performance.now();
  const { failure, sequences } = await campaign({
    seed: 1,
    now: () => performance.now(),
    isOver: () => performance.now() - start > SUITE_MS,
  });
  expect(failure).toBeUndefined();
  expect(sequences).toBeGreaterThan(0);
});
