import { type Change, durableChanges, errorResponse, type Step, TPM_RC, type Tpm, type TpmState } from "@vtpm/tpm2";
import type { Bytes } from "@vtpm/wire";
import { JobCancelled, type JobRunner, type RunningJob } from "../jobs/job-runner.ts";
import { isShutdown, responseCodeOf, shutdownCommand, startupCommand, TPM_SU } from "./tpm2-messages.ts";
import { Turns } from "./turns.ts";

/** Bytes of the largest command: what a client may ask for, and what there is unless it does. */
export const BUFFER_SIZE = { min: 2896, max: 4096 } as const;

/** TPM_RC_VALUE about the first parameter: the answer to TPM2_Startup(STATE) without a saved state. */
const NOTHING_TO_RESUME = 0x1c4;

/** What a host is made of. */
export interface TpmHostOptions {
  readonly tpm: Tpm;
  /** The state that is durable already; nothing is if absent. */
  readonly durable?: TpmState | undefined;
  /** Makes changes durable; when it rejects, none of them is. */
  readonly commit: (changes: readonly Change[]) => Promise<void>;
  readonly jobs: JobRunner;
  /** Told what went wrong beside the commands: a store that failed, a job that could not be done. */
  readonly onFault?: (error: unknown) => void;
}

/**
 * A TPM in operation: commands one at a time, each answered when what it changed is durable; power, locality and the other
 * signals of a platform. Front ends only move bytes to and from here.
 */
export class TpmHost {
  readonly #tpm: Tpm;
  readonly #commit: (changes: readonly Change[]) => Promise<void>;
  readonly #jobs: JobRunner;
  readonly #onFault: (error: unknown) => void;
  readonly #turns = new Turns();
  #durable: TpmState | undefined;
  #running = false;
  #locality = 0;
  #bufferSize: number = BUFFER_SIZE.max;
  #lastWasShutdown = false;
  #job: RunningJob | undefined;
  /** Whether commands are cancelled as soon as they turn out to be long. */
  cancelling = false;
  /** Whether NV memory can be written; without it commands that would are answered TPM_RC_NV_UNAVAILABLE. */
  nvAvailable = true;

  constructor(options: TpmHostOptions) {
    this.#tpm = options.tpm;
    this.#durable = options.durable;
    this.#commit = options.commit;
    this.#jobs = options.jobs;
    this.#onFault = options.onFault ?? (() => {});
  }

  /** Whether the TPM is powered on. */
  get running(): boolean {
    return this.#running;
  }

  /** The locality of the commands submitted from now on, 0 to 255. */
  get locality(): number {
    return this.#locality;
  }

  set locality(locality: number) {
    this.#locality = locality;
  }

  /** Bytes of the largest command that is accepted. */
  get bufferSize(): number {
    return this.#bufferSize;
  }

  set bufferSize(size: number) {
    this.#bufferSize = Math.min(Math.max(size, BUFFER_SIZE.min), BUFFER_SIZE.max);
  }

  /** TPM_ESTABLISHED: whether a dynamic root of trust was measured. */
  get established(): boolean {
    return this.#tpm.established;
  }

  /**
   * Executes a command and hands over its response, in the same call where nothing has to be waited for. `respond` is
   * called once and must not throw.
   */
  submit(command: Bytes, respond: (response: Bytes) => void, locality = this.#locality): void {
    this.#turns.take(() => {
      this.#execute(command, locality, (response) => {
        respond(response);
        this.#turns.pass();
      });
    });
  }

  /** The same with a promise. */
  execute(command: Bytes, locality = this.#locality): Promise<Bytes> {
    return new Promise((resolve) => this.submit(command, resolve, locality));
  }

  /** Cancels the command that is being executed if it is a long one. */
  cancel(): void {
    this.#job?.cancel();
  }

  /** Powers the TPM on, or off and on again in an orderly way. */
  init(): Promise<void> {
    return this.#switchPower(async () => {
      await this.#shutdown();
      this.#powerOn();
    });
  }

  /** Powers the TPM off in an orderly way: as if TPM2_Shutdown had been sent, if it was not. */
  stop(): Promise<void> {
    return this.#switchPower(async () => {
      await this.#shutdown();
      this.#running = false;
    });
  }

  /** Cuts the power. */
  powerOff(): Promise<void> {
    return this.#switchPower(async () => {
      this.#running = false;
    });
  }

  /** Cuts the power if it is on, and powers the TPM on. */
  reset(): Promise<void> {
    return this.#switchPower(async () => this.#powerOn());
  }

  /** TPM2_Startup as a platform's firmware sends it, from locality 0: with `STATE` resumes, or starts clear if there is nothing to resume. */
  async startup(type: TPM_SU): Promise<number> {
    const code = responseCodeOf(await this.execute(startupCommand(type), 0));
    if (type === TPM_SU.CLEAR || code !== NOTHING_TO_RESUME) return code;
    return this.startup(TPM_SU.CLEAR);
  }

  /** _TPM_Hash_Start. Tells whether it was done: not without power, nor when it cannot be stored. */
  hashStart(): Promise<boolean> {
    return this.#signal(() => this.#tpm.hashStart());
  }

  /** _TPM_Hash_Data. */
  hashData(data: Bytes): Promise<boolean> {
    return this.#signal(() => this.#tpm.hashData(data));
  }

  /** _TPM_Hash_End. */
  hashEnd(): Promise<boolean> {
    return this.#signal(() => this.#tpm.hashEnd());
  }

  /** Takes the TPM into failure mode, as a failed self-test does. */
  fail(): Promise<boolean> {
    return this.#signal(() => {
      const { nv, ram } = this.#tpm.state;
      this.#tpm.state = { nv, ram: { ...ram, failed: 1 } };
    });
  }

  /** Clears TPM_ESTABLISHED from a locality. Tells whether it was done. */
  async resetEstablished(locality: number): Promise<boolean> {
    let allowed = false;
    const done = await this.#signal(() => {
      allowed = this.#tpm.resetEstablished(locality);
    });
    return done && allowed;
  }

  /** Whoever calls this has the turn. */
  #execute(command: Bytes, locality: number, done: (response: Bytes) => void): void {
    if (!this.#running) {
      done(errorResponse(TPM_RC.FAILURE));
    } else if (command.length > this.#bufferSize) {
      done(errorResponse(TPM_RC.COMMAND_SIZE));
    } else {
      this.#lastWasShutdown = isShutdown(command);
      const before = this.#tpm.state;
      this.#proceed(this.#tpm.begin(command, locality), before, done);
    }
  }

  #proceed(step: Step, before: TpmState, done: (response: Bytes) => void): void {
    if (step.done) this.#answer(step.response, before, done);
    else if (this.cancelling) this.#answer(step.cancel(), before, done);
    else {
      const job = this.#jobs.run(step.job);
      this.#job = job;
      job.result.then(
        (result) => {
          this.#job = undefined;
          this.#proceed(step.resume(result), before, done);
        },
        (error: unknown) => {
          this.#job = undefined;
          if (!(error instanceof JobCancelled)) this.#onFault(error);
          this.#answer(step.cancel(), before, done);
        },
      );
    }
  }

  #answer(response: Bytes, before: TpmState, done: (response: Bytes) => void): void {
    this.#makeDurable(before, (stored) => done(stored ? response : errorResponse(TPM_RC.NV_UNAVAILABLE)));
  }

  /** Stores what has changed; when that fails, sets the TPM back to `before`. */
  #makeDurable(before: TpmState, done: (stored: boolean) => void): void {
    const after = this.#tpm.state;
    const changes = durableChanges(this.#durable, after);
    if (changes.length === 0) {
      this.#durable = after;
      done(true);
      return;
    }
    const commit = this.nvAvailable ? this.#commit(changes) : Promise.reject(new Error("NV memory is switched off"));
    commit.then(
      () => {
        this.#durable = after;
        done(true);
      },
      (error: unknown) => {
        this.#tpm.undo(before);
        this.#onFault(error);
        done(false);
      },
    );
  }

  #signal(action: () => void): Promise<boolean> {
    return new Promise((resolve) => {
      const done = (stored: boolean): void => {
        resolve(stored);
        this.#turns.pass();
      };
      this.#turns.take(() => {
        if (!this.#running) {
          done(false);
          return;
        }
        const before = this.#tpm.state;
        action();
        this.#makeDurable(before, done);
      });
    });
  }

  /** Power does not wait for long commands, nor for those that wait behind them. */
  #switchPower(action: () => Promise<void>): Promise<void> {
    this.cancel();
    return new Promise((resolve, reject) => {
      this.#turns.takeNext(() => {
        action()
          .then(resolve, reject)
          .finally(() => this.#turns.pass());
      });
    });
  }

  #powerOn(): void {
    this.#tpm.powerOn();
    this.#running = true;
    this.#lastWasShutdown = false;
  }

  /** So that an orderly end does not count as a failed authorization, as ends without TPM2_Shutdown do. */
  async #shutdown(): Promise<void> {
    if (!this.#running || this.#lastWasShutdown) return;
    for (const type of [TPM_SU.STATE, TPM_SU.CLEAR]) {
      const code = await new Promise<number>((resolve) => {
        this.#execute(shutdownCommand(type), 0, (response) => resolve(responseCodeOf(response)));
      });
      if (code === TPM_RC.SUCCESS || code === TPM_RC.INITIALIZE) return;
    }
  }
}
