import { closeSync } from "node:fs";
import { type Bytes, EMPTY } from "@vtpm/wire";
import { BUFFER_SIZE, type TpmHost } from "../host/tpm-host.ts";
import { tpmInfo } from "./tpm-info.ts";

/** First word of every answer on the control channel; TPM 1.2's codes, whatever the TPM is. */
export const RESULT = {
  SUCCESS: 0,
  BAD_PARAMETER: 3,
  FAIL: 9,
  BAD_ORDINAL: 10,
  KEY_NOT_FOUND: 13,
  SIZE: 23,
  IO_ERROR: 31,
  DECRYPT_ERROR: 33,
  BAD_KEY_PROPERTY: 40,
  BAD_DATA_SIZE: 43,
  BAD_VERSION: 46,
  BAD_LOCALITY: 61,
  NO_SUCH_BLOB: 0x800,
} as const;
export type Result = number;

/** What a front end can do, as GET_CAPABILITY tells it. */
export const CAPABILITY = {
  INIT: 1 << 0,
  SHUTDOWN: 1 << 1,
  GET_TPMESTABLISHED: 1 << 2,
  SET_LOCALITY: 1 << 3,
  HASHING: 1 << 4,
  CANCEL_TPM_CMD: 1 << 5,
  STORE_VOLATILE: 1 << 6,
  RESET_TPMESTABLISHED: 1 << 7,
  GET_STATEBLOB: 1 << 8,
  SET_STATEBLOB: 1 << 9,
  STOP: 1 << 10,
  GET_CONFIG: 1 << 11,
  SET_DATAFD: 1 << 12,
  SET_BUFFERSIZE: 1 << 13,
  GET_INFO: 1 << 14,
  SEND_COMMAND_HEADER: 1 << 15,
  LOCK_STORAGE: 1 << 16,
} as const;

const HIGHEST_LOCALITY = 4;
/** Characters of an information text that one answer carries. */
const INFO_SIZE = 3072;

export interface ControlOptions {
  readonly host: TpmHost;
  /** Ends the process, after the answer. */
  readonly endProcess: () => void;
  /** Whether locality 4 is out of reach from here. */
  readonly rejectLocality4?: boolean | undefined;
  /** Makes a descriptor the data connection, and takes it over; tells whether there was room for one. */
  readonly connectData?: ((fd: number) => "connected" | "occupied" | "unusable") | undefined;
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

  /** Everything that can be asked for here. */
  get capabilities(): number {
    let flags: number = CAPABILITY.SEND_COMMAND_HEADER;
    for (const capability of [
      CAPABILITY.INIT,
      CAPABILITY.SHUTDOWN,
      CAPABILITY.GET_TPMESTABLISHED,
      CAPABILITY.SET_LOCALITY,
      CAPABILITY.HASHING,
      CAPABILITY.CANCEL_TPM_CMD,
      CAPABILITY.RESET_TPMESTABLISHED,
      CAPABILITY.STOP,
      CAPABILITY.GET_CONFIG,
      CAPABILITY.SET_BUFFERSIZE,
      CAPABILITY.GET_INFO,
    ]) {
      flags |= capability;
    }
    if (this.#options.connectData !== undefined) flags |= CAPABILITY.SET_DATAFD;
    return flags;
  }

  /** INIT: powers the TPM on, or off and on again. */
  async init(): Promise<Result> {
    await this.host.init();
    return RESULT.SUCCESS;
  }

  /** SHUTDOWN: the process ends when the answer is on its way. */
  shutdown(): Result {
    setImmediate(this.#options.endProcess);
    return RESULT.SUCCESS;
  }

  async stop(): Promise<Result> {
    await this.host.stop();
    return RESULT.SUCCESS;
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
      if (!this.#isAllowed(locality)) return RESULT.BAD_LOCALITY;
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
    if (descriptor === undefined) return RESULT.BAD_PARAMETER;
    const outcome = this.#options.connectData?.(descriptor) ?? "occupied";
    if (outcome === "connected") return RESULT.SUCCESS;
    closeSync(descriptor);
    return outcome === "occupied" ? RESULT.IO_ERROR : RESULT.BAD_PARAMETER;
  }

  /** GET_INFO: a part of a text that ends with a zero. */
  info(flags: bigint, offset: number): { readonly result: Result; readonly total: number; readonly data: Bytes } {
    const text = new TextEncoder().encode(`${tpmInfo(flags, this.host.profile)}\0`);
    if (offset >= text.length) return { result: RESULT.BAD_PARAMETER, total: 0, data: EMPTY };
    return { result: RESULT.SUCCESS, total: text.length, data: text.slice(offset, offset + INFO_SIZE) };
  }

  #isAllowed(locality: number): boolean {
    return locality < HIGHEST_LOCALITY || (locality === HIGHEST_LOCALITY && this.#options.rejectLocality4 !== true);
  }

  async #whileRunning(action: () => Promise<Result>): Promise<Result> {
    return this.host.running ? action() : RESULT.BAD_ORDINAL;
  }
}

function outcome(done: boolean): Result {
  return done ? RESULT.SUCCESS : RESULT.FAIL;
}
