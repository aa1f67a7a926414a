import { errorResponse, type Step, TPM_RC, type Tpm, type TpmState } from "@vtpm/tpm2";
import type { Bytes } from "@vtpm/wire";
import { JobCancelled, type JobRunner, type RunningJob } from "../jobs/job-runner.ts";
import type { Persistence } from "./persistence.ts";

export interface ExecutionOptions {
  readonly persistence: Persistence;
  readonly jobs: JobRunner;
  /** Told of a store that failed, and of a job that could not be done. */
  readonly onFault: (error: unknown) => void;
}

/**
 * The two halves of a command: what the engine answers, its long work done elsewhere, and what it has changed made durable, or
 * undone where that fails. One command at a time.
 */
export class Execution {
  readonly #persistence: Persistence;
  readonly #jobs: JobRunner;
  readonly #onFault: (error: unknown) => void;
  #job: RunningJob | undefined;
  /** Whether commands are cancelled as soon as they turn out to be long. */
  cancelling = false;

  constructor({ persistence, jobs, onFault }: ExecutionOptions) {
    this.#persistence = persistence;
    this.#jobs = jobs;
    this.#onFault = onFault;
  }

  /** Hands over the response when what it depends on is durable: in the same call where nothing has to be waited for. */
  run(tpm: Tpm, command: Bytes, locality: number, done: (response: Bytes) => void): void {
    const before = tpm.state;
    this.#proceed(tpm, tpm.begin(command, locality), before, done);
  }

  /** Cancels the command that is being executed if it is a long one. */
  cancel(): void {
    this.#job?.cancel();
  }

  /** Stores what has changed; when that fails, sets the TPM back to `before`. */
  makeDurable(tpm: Tpm, before: TpmState, done: (stored: boolean) => void): void {
    // Failed authorizations that could not be stored stay in memory alone: they wait for the next change, and nobody for them.
    const commit = tpm.state.nv === before.nv ? undefined : this.#persistence.commit(tpm.state.nv);
    if (commit === undefined) {
      done(true);
      return;
    }
    commit.then(
      () => done(true),
      (error: unknown) => {
        tpm.undo(before);
        this.#onFault(error);
        done(false);
      },
    );
  }

  #proceed(tpm: Tpm, step: Step, before: TpmState, done: (response: Bytes) => void): void {
    if (step.done) this.#answer(tpm, step.response, before, done);
    else if (this.cancelling) this.#answer(tpm, step.cancel(), before, done);
    else {
      const job = this.#jobs.run(step.job);
      this.#job = job;
      job.result.then(
        (result) => {
          this.#job = undefined;
          this.#proceed(tpm, step.resume(result), before, done);
        },
        (error: unknown) => {
          this.#job = undefined;
          if (!(error instanceof JobCancelled)) this.#onFault(error);
          this.#answer(tpm, step.cancel(), before, done);
        },
      );
    }
  }

  #answer(tpm: Tpm, response: Bytes, before: TpmState, done: (response: Bytes) => void): void {
    this.makeDurable(tpm, before, (stored) => done(stored ? response : errorResponse(TPM_RC.NV_UNAVAILABLE)));
  }
}
