import { createPortableProvider } from "@vtpm/crypto";
import type { Profile } from "../../profile.ts";
import type { Move } from "./engine-peer.ts";
import { replay, runSequence, type SequenceOptions, transcript } from "./sequence.ts";
import { shrink } from "./shrink.ts";
import { Statistics } from "./statistics.ts";

/** How long to look, and where to begin. */
export interface CampaignOptions {
  readonly seed: number;
  readonly profile?: Profile;
  /** What a twin goes through before every command: see `Move`. */
  readonly move?: Move;
  /** Steps of a sequence. */
  readonly length?: number;
  /** Whether to stop before the next sequence. */
  isOver(sequences: number): boolean;
  /** Milliseconds on any clock: shrinking takes no longer than a minute. */
  now(): number;
}

/** Of so many sequences one is also run with the portable provider, which is slow. */
const PORTABLE_EVERY = 25;
const SHRINK_MS = 60_000;

/** What a campaign found. */
export interface Report {
  readonly sequences: number;
  readonly statistics: Statistics;
  /** The seed of the sequence that failed, and the least of it that fails. */
  readonly failure: string | undefined;
}

/** Runs one sequence after the other until one fails or the time is over. */
export async function campaign({ seed, profile, move, length = 250, isOver, now }: CampaignOptions): Promise<Report> {
  const statistics = new Statistics();
  let sequences = 0;
  for (; !isOver(sequences); sequences++) {
    const portable = sequences % PORTABLE_EVERY === PORTABLE_EVERY - 1;
    const options: SequenceOptions = {
      seed: seed + sequences,
      ...(profile === undefined ? {} : { profile }),
      ...(move === undefined ? {} : { move }),
      ...(portable ? { otherCrypto: createPortableProvider() } : { migrated: true }),
    };
    const failure = await runSequence(options, portable ? Math.ceil(length / 5) : length, statistics);
    if (failure === undefined) continue;
    const start = now();
    const least = await shrink(
      failure,
      (steps) => replay(options, steps),
      () => now() - start > SHRINK_MS,
    );
    const text = await transcript(options, least.steps);
    const stack = least.error instanceof Error ? (least.error.stack ?? "") : "";
    return {
      sequences: sequences + 1,
      statistics,
      failure: `seed ${options.seed}, step ${failure.steps.length}, shrunk to ${least.steps.length} steps:\n${text}\n${stack}`,
    };
  }
  return { sequences, statistics, failure: undefined };
}
