import { createNodeProvider } from "@vtpm/crypto/node";
import { type Job, type JobResult, runJob } from "@vtpm/tpm2";
import { JobCancelled, type JobRunner, type RunningJob } from "../jobs/job-runner.ts";

interface Held {
  readonly job: Job;
  readonly resolve: (result: JobResult) => void;
  readonly reject: (error: Error) => void;
}

/** Keeps the job of a TPM until the test decides what becomes of it. */
export class HeldJobs implements JobRunner {
  readonly #crypto = createNodeProvider();
  #held: Held | undefined;
  #arrived: () => void = () => {};

  run(job: Job): RunningJob {
    const result = new Promise<JobResult>((resolve, reject) => {
      this.#held = { job, resolve, reject };
    });
    this.#arrived();
    return { result, cancel: () => this.#take()?.reject(new JobCancelled("cancelled")) };
  }

  /** Resolves when there is a job. */
  async arrival(): Promise<void> {
    if (this.#held !== undefined) return;
    await new Promise<void>((resolve) => {
      this.#arrived = resolve;
    });
  }

  /** Does the job. */
  finish(): void {
    const held = this.#take();
    held?.resolve(runJob(this.#crypto, held.job));
  }

  /** Fails to do it. */
  crash(): void {
    this.#take()?.reject(new Error("the thread died"));
  }

  #take(): Held | undefined {
    const held = this.#held;
    this.#held = undefined;
    return held;
  }
}
