import { expect, test } from "vitest";
import { warmUp } from "./warm-up.ts";

test("every command that warms up is executed", async () => {
  await expect(warmUp()).resolves.toBeUndefined();
});
