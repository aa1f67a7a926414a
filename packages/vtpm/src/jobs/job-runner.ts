import type { Job, JobResult } from "@vtpm/tpm2";

/** Work that is being done somewhere else. */
export interface RunningJob {
  /** Rejects with `JobCancelled`, or with what kept the work from being done. */
  readonly result: Promise<JobResult>;
  /** Stops the work; no effect on what is done already. */
  cancel(): void;
}

/** Why the result of a cancelled job never comes. */
export class JobCancelled extends Error {
  override readonly name = "JobCancelled";
}

/** Does the long work of any number of TPMs. */
export interface JobRunner {
  run(job: Job): RunningJob;
}
