import { DEFAULT_V1, LATEST, NULL_PROFILE } from "@vtpm/tpm2";
import { campaign } from "@vtpm/tpm2/testing/fuzz";
import { expect, test } from "vitest";
import { moved } from "../testing/moved.ts";

test.each([
  ["null", NULL_PROFILE],
  ["default-v1", DEFAULT_V1],
  ["latest", LATEST],
])(
  "a TPM of profile %s that is moved before every command answers as one that stays",
  { timeout: 240_000 },
  async (_name, profile) => {
    const SEQUENCES = 1;
    const { failure, sequences } = await campaign({
      seed: 4,
      profile,
      move: moved,
      length: 200,
      now: () => performance.now(),
      isOver: (done) => done >= SEQUENCES,
    });
    expect(failure).toBeUndefined();
    expect(sequences).toBe(SEQUENCES);
  },
);
