import { type Bytes, concatBytes } from "@vtpm/wire";
import { BUFFER_SIZE, type TpmHost } from "../host/tpm-host.ts";
import type { Client, Session } from "./conversation.ts";
import { HashMessage } from "./hash-message.ts";
import { uint32At, uint32s } from "./words.ts";

/** Milliseconds within which a request must be complete. */
export const CONTROL_REQUEST_MS = 500;

/** First word of every response. */
const RESULT = { SUCCESS: 0, BAD_PARAMETER: 3, FAIL: 9, BAD_ORDINAL: 10, BAD_LOCALITY: 61 } as const;

/** What a front end can do, as GET_CAPABILITY tells it. */
const CAPABILITY = {
  INIT: 1 << 0,
  SHUTDOWN: 1 << 1,
  GET_TPMESTABLISHED: 1 << 2,
  SET_LOCALITY: 1 << 3,
  HASHING: 1 << 4,
  CANCEL_TPM_CMD: 1 << 5,
  RESET_TPMESTABLISHED: 1 << 7,
  STOP: 1 << 10,
  GET_CONFIG: 1 << 11,
  SET_BUFFERSIZE: 1 << 13,
  SEND_COMMAND_HEADER: 1 << 15,
} as const;

const HIGHEST_LOCALITY = 4;

/** What a control request works with. */
interface Context {
  readonly host: TpmHost;
  readonly body: Bytes;
  /** Ends the process, after the response. */
  readonly endProcess: () => void;
}

interface ControlCommand {
  readonly capability: number;
  /** Bytes behind the code, at least and at most. */
  readonly body: readonly [min: number, max: number];
  /** Whether the TPM must be powered on. */
  readonly running?: true;
  /** The response, at once or later. */
  execute(context: Context): Bytes | Promise<Bytes>;
}

const success = (...more: readonly number[]): Bytes => uint32s(RESULT.SUCCESS, ...more);
const failure = (result: number): Bytes => uint32s(result);
const outcome = (done: boolean): Bytes => uint32s(done ? RESULT.SUCCESS : RESULT.FAIL);

/** By code. State blobs, SET_DATAFD, GET_INFO and LOCK_STORAGE are not here, and their capability bits are not set. */
const COMMANDS: ReadonlyMap<number, ControlCommand> = new Map<number, ControlCommand>([
  [
    0x01, // GET_CAPABILITY
    { capability: 0, body: [0, Number.POSITIVE_INFINITY], execute: () => success(capabilities()) },
  ],
  [
    0x02, // INIT
    {
      capability: CAPABILITY.INIT,
      body: [4, 4],
      execute: ({ host }) => host.init().then(() => success()),
    },
  ],
  [
    0x03, // SHUTDOWN
    {
      capability: CAPABILITY.SHUTDOWN,
      body: [0, 0],
      execute({ endProcess }) {
        setImmediate(endProcess); // the response first
        return success();
      },
    },
  ],
  [
    0x04, // GET_TPMESTABLISHED
    {
      capability: CAPABILITY.GET_TPMESTABLISHED,
      body: [0, 0],
      running: true,
      execute: ({ host }) => concatBytes(success(), Uint8Array.of(host.established ? 1 : 0, 0, 0, 0)),
    },
  ],
  [
    0x05, // SET_LOCALITY
    {
      capability: CAPABILITY.SET_LOCALITY,
      body: [1, 4],
      execute({ host, body }) {
        const locality = body[0] ?? 0;
        if (locality > HIGHEST_LOCALITY) return failure(RESULT.BAD_LOCALITY);
        host.locality = locality;
        return success();
      },
    },
  ],
  [
    0x06, // HASH_START
    {
      capability: CAPABILITY.HASHING,
      body: [0, 0],
      running: true,
      execute: ({ host }) => host.hashStart().then(outcome),
    },
  ],
  [
    0x08, // HASH_END
    {
      capability: CAPABILITY.HASHING,
      body: [0, 0],
      running: true,
      execute: ({ host }) => host.hashEnd().then(outcome),
    },
  ],
  [
    0x09, // CANCEL_TPM_CMD
    {
      capability: CAPABILITY.CANCEL_TPM_CMD,
      body: [0, 0],
      running: true,
      execute({ host }) {
        host.cancel();
        return success();
      },
    },
  ],
  [
    0x0b, // RESET_TPMESTABLISHED
    {
      capability: CAPABILITY.RESET_TPMESTABLISHED,
      body: [1, 4],
      running: true,
      execute({ host, body }) {
        const locality = body[0] ?? 0;
        if (locality > HIGHEST_LOCALITY) return failure(RESULT.BAD_LOCALITY);
        return host.resetEstablished(locality).then((done) => uint32s(done ? RESULT.SUCCESS : RESULT.BAD_LOCALITY));
      },
    },
  ],
  [
    0x0e, // STOP
    { capability: CAPABILITY.STOP, body: [0, 0], execute: ({ host }) => host.stop().then(() => success()) },
  ],
  [
    0x0f, // GET_CONFIG
    { capability: CAPABILITY.GET_CONFIG, body: [0, 0], execute: () => success(0) },
  ],
  [
    0x11, // SET_BUFFERSIZE
    {
      capability: CAPABILITY.SET_BUFFERSIZE,
      body: [4, 4],
      execute({ host, body }) {
        const wanted = uint32At(body, 0);
        if (wanted !== 0 && host.running) return failure(RESULT.BAD_ORDINAL);
        if (wanted !== 0) host.bufferSize = wanted;
        return success(host.bufferSize, BUFFER_SIZE.min, BUFFER_SIZE.max);
      },
    },
  ],
]);

/** The one command whose body is not taken as a whole. */
const HASH_DATA = 0x07;

function capabilities(): number {
  let flags: number = CAPABILITY.SEND_COMMAND_HEADER;
  for (const { capability } of COMMANDS.values()) flags |= capability;
  return flags;
}

/**
 * swtpm's control channel: a code and a body in, a result and more out. All that arrives with a request counts as its body,
 * since requests are padded by some clients; the next one comes after the response.
 */
export class SwtpmControlSession implements Session {
  readonly #host: TpmHost;
  readonly #endProcess: () => void;
  #hashing: HashMessage | undefined;

  constructor(host: TpmHost, endProcess: () => void) {
    this.#host = host;
    this.#endProcess = endProcess;
  }

  take(input: Bytes, client: Client): number {
    if (this.#hashing !== undefined) return this.#takeHashData(this.#hashing, input, client);
    if (input.length < 4) return 0;
    const code = uint32At(input, 0);
    if (code === HASH_DATA) return this.#beginHashData(input, client);
    const command = COMMANDS.get(code);
    if (command === undefined || (command.running && !this.#host.running)) {
      client.reply(failure(RESULT.BAD_ORDINAL));
      return input.length;
    }
    const body = input.slice(4);
    const [min, max] = command.body;
    if (body.length < min) return 0;
    if (body.length > max) {
      client.reply(failure(RESULT.BAD_PARAMETER));
      return input.length;
    }
    const response = command.execute({ host: this.#host, body, endProcess: this.#endProcess });
    if (response instanceof Uint8Array) {
      client.reply(response);
    } else {
      response.then(
        (bytes) => client.reply(bytes),
        () => client.reply(failure(RESULT.FAIL)),
      );
    }
    return input.length;
  }

  #beginHashData(input: Bytes, client: Client): number {
    if (!this.#host.running) {
      client.reply(failure(RESULT.BAD_ORDINAL));
      return input.length;
    }
    if (input.length < 8) return 0;
    const message = new HashMessage(this.#host, uint32At(input, 4));
    if (message.left > 0) {
      this.#hashing = message;
      client.reply();
      return 8;
    }
    client.reply(input.length === 8 ? success() : failure(RESULT.BAD_PARAMETER));
    return input.length;
  }

  #takeHashData(message: HashMessage, input: Bytes, client: Client): number {
    if (input.length > message.left) {
      this.#hashing = undefined;
      client.reply(failure(RESULT.BAD_PARAMETER));
      return input.length;
    }
    return message.take(input, (measured) => {
      if (message.left > 0) {
        client.reply();
        return;
      }
      this.#hashing = undefined;
      client.reply(outcome(measured));
    });
  }
}
