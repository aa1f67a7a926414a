import { closeSync } from "node:fs";
import { type Bytes, EMPTY } from "@vtpm/wire";
import { CONTROL } from "../control/commands.ts";
import { BUFFER_SIZE, type TpmHost } from "../host/tpm-host.ts";
import { RESULT, type Result } from "./result.ts";
import type { BlobPart, StateBlobs } from "./state-blobs.ts";
import { tpmInfo } from "./tpm-info.ts";

/** The bit by which GET_CAPABILITY tells that commands may come behind the simulator's header. */
const SEND_COMMAND_HEADER = 1 << 15;
/** Flag of INIT. */
const DELETE_VOLATILE = 1;
/** Of LOCK_STORAGE: ten minutes. */
const MAX_RETRIES = 60_000;
const HIGHEST_LOCALITY = 4;
/** Characters of an information text that one answer carries. */
const INFO_SIZE = 3072;

export interface ControlOptions {
  readonly host: TpmHost;
  readonly blobs: StateBlobs;
  /** Told why something failed. */
  readonly onFault: (error: unknown) => void;
  /** Ends the process, after the answer. */
  readonly endProcess: () => void;
  /** Whether locality 4 is out of reach from here. */
  readonly rejectLocality4?: boolean | undefined;
  /** Makes a descriptor the data connection, and takes it over; tells whether there was room for one. */
  readonly connectData?: ((fd: number | undefined) => "connected" | "occupied" | "unusable") | undefined;
}

/**
 * What a control channel can ask for, however it is encoded: as messages of a socket, as ioctls of a character device.
 * Results other than success are answers like any other.
 */
export class Control {
  readonly host: TpmHost;
  readonly #options: ControlOptions;

  constructor(options: ControlOptions) {
    this.host = options.host;
    this.#options = options;
  }

  /** The commands that are there, as GET_CAPABILITY tells it. */
  get capabilities(): number {
    const all = SEND_COMMAND_HEADER | Object.values(CONTROL).reduce((flags, { capability }) => flags | capability, 0);
    return this.#options.connectData === undefined ? all & ~CONTROL.SET_DATAFD.capability : all;
  }

  /** INIT: powers the TPM on, or off and on again; with the flag what is stored of its volatile state is deleted. */
  async init(flags: number): Promise<Result> {
    return this.#attempt(() => this.host.init({ deleteVolatile: (flags & DELETE_VOLATILE) !== 0 }));
  }

  /** SHUTDOWN: the process ends when the answer is on its way. */
  shutdown(): Result {
    setImmediate(this.#options.endProcess);
    return RESULT.SUCCESS;
  }

  async stop(): Promise<Result> {
    return this.#attempt(() => this.host.stop());
  }

  /** STORE_VOLATILE: the next start goes on from here. */
  async storeVolatile(): Promise<Result> {
    return this.#whileRunning(() => this.#attempt(() => this.host.storeVolatile()));
  }

  getStateBlob(flags: number, type: number, offset: number): Promise<BlobPart> {
    return this.#options.blobs.get(flags, type, offset);
  }

  setStateBlob(flags: number, type: number, blob: Bytes): Promise<Result> {
    return this.#options.blobs.set(flags, type, blob);
  }

  /** GET_CONFIG: which keys there are. */
  get config(): number {
    return this.#options.blobs.keyFlags;
  }

  /** LOCK_STORAGE: takes back what was given up, trying again every 10 ms. */
  lockStorage(retries: number): Promise<Result> {
    return this.#attempt(() => this.host.acquireStore(Math.min(retries, MAX_RETRIES)));
  }

  setLocality(locality: number): Result {
    if (!this.#isAllowed(locality)) return RESULT.BAD_LOCALITY;
    this.host.locality = locality;
    return RESULT.SUCCESS;
  }

  async hashStart(): Promise<Result> {
    return this.#whileRunning(async () => outcome(await this.host.hashStart()));
  }

  async hashEnd(): Promise<Result> {
    return this.#whileRunning(async () => outcome(await this.host.hashEnd()));
  }

  cancel(): Result {
    if (!this.host.running) return RESULT.BAD_ORDINAL;
    this.host.cancel();
    return RESULT.SUCCESS;
  }

  /** RESET_TPMESTABLISHED, as if from this locality; the one that is set stays. */
  async resetEstablished(locality: number): Promise<Result> {
    return this.#whileRunning(async () => {
      if (locality > HIGHEST_LOCALITY) return RESULT.BAD_LOCALITY;
      return (await this.host.resetEstablished(locality)) ? RESULT.SUCCESS : RESULT.BAD_LOCALITY;
    });
  }

  /** SET_BUFFERSIZE: 0 only asks. */
  setBufferSize(wanted: number): { readonly result: Result; readonly sizes: readonly [number, number, number] } {
    const refused = wanted !== 0 && this.host.running;
    if (wanted !== 0 && !refused) this.host.bufferSize = wanted;
    return {
      result: refused ? RESULT.BAD_ORDINAL : RESULT.SUCCESS,
      sizes: [this.host.bufferSize, BUFFER_SIZE.min, BUFFER_SIZE.max],
    };
  }

  /** SET_DATAFD with the descriptors that came along; they are taken over. */
  setDataDescriptor(descriptors: readonly number[]): Result {
    const [descriptor, ...others] = descriptors;
    for (const other of others) closeSync(other);
    const outcome = this.#options.connectData?.(descriptor);
    if (outcome === "connected") return RESULT.SUCCESS;
    if (descriptor !== undefined) closeSync(descriptor);
    if (outcome === undefined) return RESULT.BAD_ORDINAL;
    return outcome === "occupied" ? RESULT.IO_ERROR : RESULT.BAD_PARAMETER;
  }

  /** The information about the TPM that these flags ask for. */
  describe(flags: bigint): string {
    return tpmInfo(flags, this.host.profile);
  }

  /** GET_INFO: a part of that text, which ends with a zero. */
  info(flags: bigint, offset: number): { readonly result: Result; readonly total: number; readonly data: Bytes } {
    const text = new TextEncoder().encode(`${this.describe(flags)}\0`);
    if (offset >= text.length - 1) return { result: RESULT.BAD_PARAMETER, total: 0, data: EMPTY };
    return { result: RESULT.SUCCESS, total: text.length, data: text.slice(offset, offset + INFO_SIZE) };
  }

  #isAllowed(locality: number): boolean {
    return locality < HIGHEST_LOCALITY || (locality === HIGHEST_LOCALITY && this.#options.rejectLocality4 !== true);
  }

  /** What fails is told where people look, and answered. */
  async #attempt(action: () => Promise<unknown>): Promise<Result> {
    try {
      await action();
      return RESULT.SUCCESS;
    } catch (error) {
      this.#options.onFault(error);
      return RESULT.FAIL;
    }
  }

  async #whileRunning(action: () => Promise<Result>): Promise<Result> {
    return this.host.running ? action() : RESULT.BAD_ORDINAL;
  }
}

function outcome(done: boolean): Result {
  return done ? RESULT.SUCCESS : RESULT.FAIL;
}
