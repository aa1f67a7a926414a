import { encodePermanent, encodeVolatile } from "@vtpm/state";
import { errorResponse, type Platform, type Profile, TPM_RC, Tpm } from "@vtpm/tpm2";
import type { Bytes } from "@vtpm/wire";
import type { JobRunner } from "../jobs/job-runner.ts";
import { StoreError } from "../store/store-error.ts";
import { Execution } from "./execution.ts";
import { NextStart } from "./next-start.ts";
import type { Persistence } from "./persistence.ts";
import type { ProfileChoice } from "./profile-choice.ts";
import { isShutdown, responseCodeOf, shutdownCommand, startupCommand, TPM_SU } from "./tpm2-messages.ts";
import type { Trace } from "./trace.ts";
import { Turns } from "./turns.ts";
import { volatileContext } from "./volatile-context.ts";

/** Bytes of the largest command: what a client may ask for, and what there is unless it does. */
export const BUFFER_SIZE = { min: 2896, max: 4096 } as const;

/** TPM_RC_VALUE about the first parameter: the answer to TPM2_Startup(STATE) without a saved state. */
const NOTHING_TO_RESUME = 0x1c4;

/** How often a store that was given up is asked for when it is needed again, every 10 ms. */
const RETRIES_AFTER_RELEASE = 300;

/** What a host is made of. */
export interface TpmHostOptions {
  readonly platform: Platform;
  readonly persistence: Persistence;
  readonly jobs: JobRunner;
  readonly profile?: ProfileChoice | undefined;
  /**
   * Whether the state is to come from another process: the store is left alone until state is handed in, a command arrives
   * or somebody asks for it.
   */
  readonly incoming?: boolean | undefined;
  /** Whether TPM2_Shutdown is sent, if nobody has, before the TPM is powered off in an orderly way; it is unless told otherwise. */
  readonly orderlyShutdown?: boolean | undefined;
  /** Sees the commands that the host sends by itself. */
  readonly trace?: Trace | undefined;
  /** Told what went wrong beside the commands: a store that failed, a job that could not be done. */
  readonly onFault?: ((error: unknown) => void) | undefined;
  /** Told that a command could not be executed because the store belongs to somebody else now. */
  readonly onStoreLost?: ((error: unknown) => void) | undefined;
}

export interface InitOptions {
  /** Whether the volatile state that is kept in the store is forgotten when the TPM has started. */
  readonly deleteVolatile?: boolean | undefined;
}

/**
 * A TPM in operation: commands one at a time, each answered when what it changed is durable; power, locality and the other
 * signals of a platform. Front ends only move bytes to and from here.
 */
export class TpmHost {
  readonly #platform: Platform;
  readonly #persistence: Persistence;
  readonly #execution: Execution;
  readonly #next: NextStart;
  readonly #orderlyShutdown: boolean;
  readonly #trace: Trace | undefined;
  readonly #onFault: (error: unknown) => void;
  readonly #onStoreLost: (error: unknown) => void;
  readonly #turns = new Turns();
  /** Absent until the first start. */
  #tpm: Tpm | undefined;
  #running = false;
  #incoming: boolean;
  #retries = 0;
  /** A start that waits for the store. */
  #waiting: InitOptions | undefined;
  #locality = 0;
  #bufferSize: number = BUFFER_SIZE.max;
  #lastWasShutdown = false;

  constructor(options: TpmHostOptions) {
    this.#platform = options.platform;
    this.#persistence = options.persistence;
    this.#next = new NextStart(options.persistence, options.platform, options.profile ?? {});
    this.#incoming = options.incoming === true;
    this.#orderlyShutdown = options.orderlyShutdown ?? true;
    this.#trace = options.trace;
    this.#onFault = options.onFault ?? (() => {});
    this.#onStoreLost = options.onStoreLost ?? this.#onFault;
    this.#execution = new Execution({ ...options, onFault: this.#onFault });
  }

  /** Whether NV memory can be written; without it commands that would are answered TPM_RC_NV_UNAVAILABLE. */
  get nvAvailable(): boolean {
    return this.#persistence.writable;
  }

  set nvAvailable(available: boolean) {
    this.#persistence.writable = available;
  }

  /** Whether the TPM is powered on. */
  get running(): boolean {
    return this.#running;
  }

  /** What the TPM was manufactured as; nothing before its first start. */
  get profile(): Profile | undefined {
    return this.#tpm?.state.nv.profile;
  }

  /** Whether the store has a TPM already; only while it is owned. */
  get manufactured(): boolean {
    return this.#persistence.durable !== undefined;
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

  /** Whether commands are cancelled as soon as they turn out to be long. */
  get cancelling(): boolean {
    return this.#execution.cancelling;
  }

  set cancelling(cancelling: boolean) {
    this.#execution.cancelling = cancelling;
  }

  /** TPM_ESTABLISHED: whether a dynamic root of trust was measured. */
  get established(): boolean {
    return this.#tpm?.established === true;
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
    this.#execution.cancel();
  }

  /**
   * Powers the TPM on, or off and on again in an orderly way. It starts from what was handed in, else from what is stored,
   * else it is manufactured; with volatile state it goes on where that says. Rejects, and leaves the TPM off, when it cannot.
   */
  init(options: InitOptions = {}): Promise<void> {
    return this.#switchPower(async () => {
      await this.#shutdown();
      this.#running = false;
      if (this.#incoming && !this.#persistence.owned) {
        this.#waiting = options;
        this.#running = true;
      } else await this.#start(options);
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
    return this.#switchPower(() => this.#start({}));
  }

  /** TPM2_Startup as a platform's firmware sends it, from locality 0: with `STATE` resumes, or starts clear if there is nothing to resume. */
  async startup(type: TPM_SU): Promise<number> {
    const command = startupCommand(type);
    this.#trace?.request(command);
    const response = await this.execute(command, 0);
    this.#trace?.response(response);
    const code = responseCodeOf(response);
    if (type === TPM_SU.CLEAR || code !== NOTHING_TO_RESUME) return code;
    return this.startup(TPM_SU.CLEAR);
  }

  /** _TPM_Hash_Start. Tells whether it was done: not without power, nor when it cannot be stored. */
  hashStart(): Promise<boolean> {
    return this.#signal((tpm) => tpm.hashStart());
  }

  /** _TPM_Hash_Data. */
  hashData(data: Bytes): Promise<boolean> {
    return this.#signal((tpm) => tpm.hashData(data));
  }

  /** _TPM_Hash_End. */
  hashEnd(): Promise<boolean> {
    return this.#signal((tpm) => tpm.hashEnd());
  }

  /** Takes the TPM into failure mode, as a failed self-test does. */
  fail(): Promise<boolean> {
    return this.#signal((tpm) => {
      const { nv, ram } = tpm.state;
      tpm.state = { nv, ram: { ...ram, failed: 1 } };
    });
  }

  /** Clears TPM_ESTABLISHED from a locality. Tells whether it was done. */
  async resetEstablished(locality: number): Promise<boolean> {
    let allowed = false;
    const done = await this.#signal((tpm) => {
      allowed = tpm.resetEstablished(locality);
    });
    return done && allowed;
  }

  /** The permanent state in libtpms' layout, as it is between two commands; nothing without power. */
  permanentImage(): Promise<Bytes | undefined> {
    return this.#image((tpm) => encodePermanent(tpm.state.nv));
  }

  /** The volatile state in libtpms' layout: what goes on elsewhere with the permanent one. Nothing without power. */
  volatileImage(): Promise<Bytes | undefined> {
    return this.#image((tpm) => encodeVolatile(tpm.state, volatileContext(this.#platform)));
  }

  /** Stores the volatile state, so that the next start goes on from here. Tells whether it was done: not without power. */
  async storeVolatile(): Promise<boolean> {
    const image = await this.volatileImage();
    if (image === undefined) return false;
    await this.#persistence.writeVolatile(image);
    return true;
  }

  /**
   * Takes the permanent state that the next start is to begin from, and the store with it. Only without power. Rejects with a
   * `StoreError` for what is no state, and for a store that is in use.
   */
  setPermanent(image: Bytes): Promise<void> {
    return this.#whileOff(() => this.#next.setPermanent(image));
  }

  /** The same with the volatile state, after the permanent one; an empty one says that there is nothing to resume. */
  setVolatile(image: Bytes): Promise<void> {
    return this.#whileOff(() => this.#next.setVolatile(image));
  }

  /** Takes the store if it is not held, trying again so many times every 10 ms. Rejects with `STATE_LOCKED`, for instance. */
  acquireStore(retries: number): Promise<void> {
    return this.#inTurn(() => this.#acquire(retries));
  }

  /**
   * Gives the store up to another process, with everything in its final form. The next command, or `acquireStore`, takes it
   * back and goes on if nobody has used the TPM meanwhile.
   */
  releaseStore(): Promise<void> {
    return this.#inTurn(async () => {
      this.#retries = RETRIES_AFTER_RELEASE;
      await this.#persistence.release();
    });
  }

  /** Whoever calls this has the turn. */
  #execute(command: Bytes, locality: number, done: (response: Bytes) => void): void {
    if (!this.#running) {
      done(errorResponse(TPM_RC.FAILURE));
    } else if (command.length > this.#bufferSize) {
      done(errorResponse(TPM_RC.COMMAND_SIZE));
    } else {
      this.#withTpm(
        (tpm) => {
          this.#lastWasShutdown = isShutdown(command);
          this.#execution.run(tpm, command, locality, done);
        },
        () => done(errorResponse(TPM_RC.FAILURE)),
      );
    }
  }

  /** In the same call, unless the store has to be taken first. */
  #withTpm(action: (tpm: Tpm) => void, unavailable: () => void): void {
    if (this.#tpm !== undefined && this.#persistence.owned && this.#waiting === undefined) {
      action(this.#tpm);
      return;
    }
    this.#acquire(this.#retries).then(
      () => {
        if (this.#tpm === undefined) unavailable();
        else action(this.#tpm);
      },
      (error: unknown) => {
        this.#onStoreLost(error);
        unavailable();
      },
    );
  }

  async #acquire(retries: number): Promise<void> {
    await this.#persistence.acquire({ retries, goesOn: this.#running && this.#waiting === undefined });
    this.#incoming = false;
    if (this.#waiting !== undefined) await this.#start(this.#waiting);
  }

  async #start(options: InitOptions): Promise<void> {
    this.#running = false;
    this.#waiting = undefined;
    await this.#acquire(this.#retries);
    const { state, resumed } = await this.#next.begin(options);
    this.#tpm ??= Tpm.withState(this.#platform, state.nv, { onFault: this.#onFault });
    this.#tpm.state = state;
    this.#tpm.bufferSize = this.#bufferSize;
    if (!resumed) this.#tpm.powerOn();
    this.#running = true;
    this.#lastWasShutdown = false;
  }

  #signal(action: (tpm: Tpm) => void): Promise<boolean> {
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
        this.#withTpm(
          (tpm) => {
            const before = tpm.state;
            action(tpm);
            this.#execution.makeDurable(tpm, before, done);
          },
          () => done(false),
        );
      });
    });
  }

  async #image(encode: (tpm: Tpm) => Bytes): Promise<Bytes | undefined> {
    let image: Bytes | undefined;
    await this.#signal((tpm) => {
      image = encode(tpm);
    });
    return image;
  }

  #whileOff(action: () => void): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#running)
        throw new StoreError("STATE_WRITE", "the TPM is powered on: stop it before its state is replaced");
      await this.#acquire(this.#retries);
      action();
    });
  }

  #inTurn(action: () => Promise<void>): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#turns.take(() => {
        action()
          .then(resolve, reject)
          .finally(() => this.#turns.pass());
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

  /** So that an orderly end does not count as a failed authorization, as ends without TPM2_Shutdown do. */
  async #shutdown(): Promise<void> {
    // A store that was given up has the last word of whoever owns it now.
    if (!this.#orderlyShutdown || !this.#running || this.#lastWasShutdown || !this.#persistence.owned) return;
    for (const type of [TPM_SU.STATE, TPM_SU.CLEAR]) {
      const command = shutdownCommand(type);
      this.#trace?.request(command);
      const response = await new Promise<Bytes>((resolve) => this.#execute(command, 0, resolve));
      this.#trace?.response(response);
      const code = responseCodeOf(response);
      if (code === TPM_RC.SUCCESS || code === TPM_RC.INITIALIZE) return;
    }
  }
}
