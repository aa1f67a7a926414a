import { errorResponse, TPM_RC } from "@vtpm/tpm2";
import type { Bytes } from "@vtpm/wire";
import type { TpmHost } from "../host/tpm-host.ts";
import type { Trace } from "../host/trace.ts";
import { uint32At } from "./words.ts";

/** The command by which the driver of Linux's vTPM proxy tells the locality of what comes next. No TPM has it. */
const SET_LOCALITY = 0x2000_1000;
const HEADER_SIZE = 10;
const HIGHEST_LOCALITY = 4;
/** What swtpm answers to SET_LOCALITY for a locality that there is not; the specification's TPM_RC_LOCALITY is another. */
const BAD_LOCALITY = 0x107;

export interface CommandPortOptions {
  /** Whether clients may set the locality by a command. */
  readonly allowSetLocality?: boolean | undefined;
  /** Whether that is refused for locality 4. */
  readonly rejectLocality4?: boolean | undefined;
  readonly trace?: Trace | undefined;
}

/** Where bare commands of clients come in. */
export class CommandPort {
  readonly host: TpmHost;
  readonly #options: CommandPortOptions;

  constructor(host: TpmHost, options: CommandPortOptions = {}) {
    this.host = host;
    this.#options = options;
  }

  /** Executes a command, as long as `bytes` are, and hands over its response. */
  submit(bytes: Bytes, respond: (response: Bytes) => void): void {
    const { trace } = this.#options;
    if (trace === undefined) {
      this.#submit(bytes, respond);
      return;
    }
    trace.request(bytes);
    this.#submit(bytes, (response) => {
      trace.response(response);
      respond(response);
    });
  }

  #submit(bytes: Bytes, respond: (response: Bytes) => void): void {
    if (!this.host.running) this.host.submit(bytes, respond);
    else if (bytes.length < HEADER_SIZE) respond(errorResponse(TPM_RC.INSUFFICIENT));
    else if (uint32At(bytes, 6) === SET_LOCALITY) respond(errorResponse(this.#setLocality(bytes)));
    else this.host.submit(bytes, respond);
  }

  #setLocality(command: Bytes): number {
    const locality = command[HEADER_SIZE];
    if (locality === undefined) return TPM_RC.INSUFFICIENT;
    if (this.#options.allowSetLocality !== true) return TPM_RC.FAILURE;
    const highest = this.#options.rejectLocality4 === true ? HIGHEST_LOCALITY - 1 : HIGHEST_LOCALITY;
    if (locality > highest) return BAD_LOCALITY;
    this.host.locality = locality;
    return TPM_RC.SUCCESS;
  }
}
