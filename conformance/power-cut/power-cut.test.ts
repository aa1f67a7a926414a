import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Dice } from "@vtpm/tpm2/testing";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { withRigLock } from "../guest/rig-lock.ts";
import { live, type Moment, Story } from "./lives.ts";
import { EXT4, MEDIA } from "./media.ts";

/** For more cuts than the suite has time for, and other ones. */
const { POWER_CUTS = "3", POWER_CUT_SEED = "1" } = process.env;
/** Less would not show that a disk lies. */
const CUTS = Math.max(3, Number(POWER_CUTS));
const MOMENTS: readonly Moment[] = ["in use", "during the start", "in use"];

const missing = inject("missingPrograms");
describe.skipIf(missing.includes("QEMU") || missing.includes("file systems"))("a guest whose power is cut", () => {
  const folder = mkdtempSync(join(tmpdir(), "vtpm-power-cut-"));
  const stories = MEDIA.map((medium, i) => new Story(medium.name, medium, join(folder, String(i))));
  const liar = new Story("a disk that lies", EXT4, join(folder, "liar"));

  beforeAll(
    async () => {
      await withRigLock(async () => {
        for (const story of [...stories, liar]) story.makeDisk();
        const dice = new Dice(Number(POWER_CUT_SEED));
        for (let cut = 0; cut < CUTS; cut++) {
          await live([...stories, liar], dice, MOMENTS[cut % MOMENTS.length] ?? "in use");
          if (cut === 0) liar.diskLies = true;
        }
        await live([...stories, liar], dice, "at the end");
      });
    },
    300_000 * (CUTS + 1),
  );
  afterAll(() => rmSync(folder, { recursive: true }));

  test.each(MEDIA.map(({ name }, i) => [name, i] as const))(
    "on %s the TPM has everything that it has answered, and nothing else",
    (_, i) => {
      const story = stories[i];
      if (story?.failure !== undefined) throw new Error(`seed ${POWER_CUT_SEED}`, { cause: story.failure });
      expect(story?.answers).toBeGreaterThan(0);
    },
  );

  test("there were writes that a cut could take", () => {
    expect(stories.reduce((sum, { unflushed }) => sum + unflushed, 0)).toBeGreaterThan(0);
  });

  test("on a disk that does not flush it has not, and that is noticed", () => {
    expect(liar.failure?.message).toMatch(/expected/);
  });
});
