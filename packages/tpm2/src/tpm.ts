import type { Bytes } from "@vtpm/wire";
import { COMMANDS } from "./commands/index.ts";
import { executeInFailureMode } from "./dispatch/failure-mode.ts";
import { type Job, type JobResult, runJob } from "./dispatch/job.ts";
import { errorResponse } from "./dispatch/response.ts";
import { finishCommand, hasJobs, type Running, startCommand } from "./dispatch/run.ts";
import { Engine } from "./engine.ts";
import { firmwareOf, manufacture } from "./manufacture.ts";
import type { Platform } from "./platform.ts";
import { DEFAULT_V1, type Profile } from "./profile.ts";
import { TPM_RC } from "./spec/response-codes.ts";
import { TpmError } from "./spec/tpm-error.ts";
import { poweredOff } from "./state/powered-off.ts";
import type { NvState, TpmState } from "./state/tpm-state.ts";

/** How far a command has come: answered, or waiting for a job that may be run anywhere. */
export type Step =
  | { readonly done: true; readonly response: Bytes }
  | {
      readonly done: false;
      readonly job: Job;
      /** Goes on with what the job found. */
      resume(result: JobResult): Step;
      /** Gives the command up: TPM_RC_CANCELED, and the state is as it was. */
      cancel(): Bytes;
    };

/** What an embedding program may want to know or decide. */
export interface TpmOptions {
  /** Told of an error that is a bug of the engine; the TPM is in failure mode afterwards. */
  readonly onFault?: (error: unknown) => void;
}

/**
 * A TPM 2.0: commands in, responses out. Synchronous, deterministic for equal state, platform and input, and total: any
 * bytes get a response and nothing makes it throw.
 *
 * @example
 * const tpm = Tpm.manufacture(platform);
 * tpm.powerOn();
 * const response = tpm.execute(command);
 */
export class Tpm {
  readonly #engine: Engine;
  readonly #onFault: (error: unknown) => void;

  private constructor(platform: Platform, state: TpmState, options: TpmOptions) {
    this.#engine = new Engine(platform, state, COMMANDS);
    this.#onFault = options.onFault ?? (() => {});
  }

  /** A new TPM with fresh seeds, powered off. */
  static manufacture(platform: Platform, profile: Profile = DEFAULT_V1, options: TpmOptions = {}): Tpm {
    return new Tpm(platform, manufacture(platform, profile), options);
  }

  /** The TPM whose durable state is `nv`, powered off. */
  static withState(platform: Platform, nv: NvState, options: TpmOptions = {}): Tpm {
    return new Tpm(platform, poweredOff(nv), options);
  }

  /** Everything the TPM is; immutable. Assigning an earlier one sets the TPM back to it exactly. */
  get state(): TpmState {
    return this.#engine.state;
  }

  set state(state: TpmState) {
    this.#engine.state = state;
  }

  /**
   * Takes back a command whose changes could not be stored. Failed authorizations stay counted: who can keep the store
   * from writing must not be able to guess without end.
   */
  undo(before: TpmState): void {
    const tpm = this.#engine;
    const { failedTries, lockOutAuthEnabled } = tpm.persistent;
    const { selfHealTimer, lockoutTimer } = tpm.orderly;
    tpm.state = before;
    if (failedTries <= tpm.persistent.failedTries && lockOutAuthEnabled === tpm.persistent.lockOutAuthEnabled) return;
    tpm.changePersistent({ failedTries, lockOutAuthEnabled });
    tpm.changeOrderly({ selfHealTimer, lockoutTimer });
  }

  /** Tells the TPM that no larger command or response than this gets through to it and back. */
  set bufferSize(size: number) {
    this.#engine.bufferSize = size;
  }

  /** _TPM_Init: what is in RAM is lost, TPM2_Startup is expected. The TPM may have been made by older firmware. */
  powerOn(): void {
    const tpm = this.#engine;
    tpm.clock.powerOn();
    const { firmwareV1, firmwareV2 } = tpm.persistent;
    const now = firmwareOf(tpm.profile);
    if (firmwareV1 !== now.firmwareV1 || firmwareV2 !== now.firmwareV2) tpm.changePersistent(now);
  }

  /** Executes a command; the long work of it, too, is done before this returns. */
  execute(command: Bytes, locality = 0): Bytes {
    let step: Step = this.begin(command, locality);
    while (!step.done) step = step.resume(runJob(this.#engine.platform.crypto, step.job));
    return step.response;
  }

  /** Executes a command up to its first job. No other command may begin before this one is done or cancelled. */
  begin(command: Bytes, locality = 0): Step {
    const tpm = this.#engine;
    const before = tpm.state;
    tpm.locality = locality;
    tpm.objects.returnSlots();
    return this.#guarded(before, () => {
      if (tpm.ram.failed === 1) return done(executeInFailureMode(tpm, command));
      tpm.clock.update();
      tpm.pcr.endEventSequence();
      const running = startCommand(tpm, command, COMMANDS);
      return this.#guarded(before, () => this.#advance(before, running), running.authorizedState);
    });
  }

  #advance(before: TpmState, running: Running, result?: JobResult): Step {
    const { invocation, authorizedState, outcome } = running;
    if (!hasJobs(outcome)) return done(finishCommand(this.#engine, invocation, outcome ?? undefined));
    const next = result === undefined ? outcome.next() : outcome.next(result);
    if (next.done === true) return done(finishCommand(this.#engine, invocation, next.value ?? undefined));
    return {
      done: false,
      job: next.value,
      resume: (found) => this.#guarded(before, () => this.#advance(before, running, found), authorizedState),
      cancel: () => {
        this.#engine.state = authorizedState;
        return errorResponse(TPM_RC.CANCELED);
      },
    };
  }

  /**
   * Turns whatever is thrown into a response. A refusal sets the TPM back to `onRefusal`; without one, what has changed
   * so far stays (the clock, the counters of a failed authorization). A bug takes the TPM into failure mode.
   */
  #guarded(before: TpmState, action: () => Step, onRefusal?: TpmState): Step {
    const step = this.#attempt(before, action, onRefusal);
    if (step.done && this.#engine.state.nv !== before.nv) this.#engine.clock.storeIfDue();
    return step;
  }

  #attempt(before: TpmState, action: () => Step, onRefusal?: TpmState): Step {
    const tpm = this.#engine;
    try {
      return action();
    } catch (error) {
      if (error instanceof TpmError) {
        if (onRefusal !== undefined) tpm.state = onRefusal;
        return done(errorResponse(error.rc));
      }
      tpm.state = before;
      tpm.changeRam({ failed: 1 });
      this.#onFault(error);
      return done(errorResponse(TPM_RC.FAILURE));
    }
  }

  /** _TPM_Hash_Start: the platform begins a dynamic root of trust measurement, or the H-CRTM before TPM2_Startup. */
  hashStart(): void {
    this.#engine.pcr.hashStart();
  }

  /** _TPM_Hash_Data: any number of bytes. */
  hashData(data: Bytes): void {
    this.#engine.pcr.hashData(data);
  }

  /** _TPM_Hash_End: PCR 17 (or 0 before TPM2_Startup) gets the measurement. */
  hashEnd(): void {
    this.#engine.pcr.hashEnd();
  }

  /** The Name of what a handle refers to; empty for nothing. */
  nameOf(handle: number): Bytes {
    const { state } = this;
    const name = this.#engine.entities.nameOf(handle);
    // Whoever looks from outside has not used a hash for the TPM: it counts as untested as before.
    this.state = state;
    return name;
  }

  /** TPM_ESTABLISHED of the platform interface. */
  get established(): boolean {
    return this.#engine.ram.established === 1;
  }

  /** Clears TPM_ESTABLISHED; only localities 3 and 4 may. Tells whether it did. */
  resetEstablished(locality: number): boolean {
    if (locality !== 3 && locality !== 4) return false;
    this.#engine.changeRam({ established: 0 });
    return true;
  }
}

const done = (response: Bytes): Step => ({ done: true, response });
