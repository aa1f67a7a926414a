import { closeSync } from "node:fs";
import { type Bytes, concatBytes } from "@vtpm/wire";
import { type Control, RESULT } from "./control.ts";
import type { Client, Session } from "./conversation.ts";
import { HashMessage } from "./hash-message.ts";
import { uint32At, uint32s } from "./words.ts";

/** Milliseconds within which a request must be complete. */
export const CONTROL_REQUEST_MS = 500;

interface Request {
  readonly control: Control;
  readonly body: Bytes;
  readonly descriptors: readonly number[];
}

interface ControlCommand {
  /** Bytes behind the code, at least and at most. */
  readonly body: readonly [min: number, max: number];
  /** Whether the TPM must be powered on; otherwise the request is refused whatever its body is. */
  readonly running?: true;
  /** The response, at once or later. */
  execute(request: Request): Bytes | Promise<Bytes>;
}

const success = (...more: readonly number[]): Bytes => uint32s(RESULT.SUCCESS, ...more);
const resultOnly = (result: number): Bytes => uint32s(result);

const COMMANDS: ReadonlyMap<number, ControlCommand> = new Map<number, ControlCommand>([
  [
    0x01, // GET_CAPABILITY
    { body: [0, Number.POSITIVE_INFINITY], execute: ({ control }) => success(control.capabilities) },
  ],
  [
    0x02, // INIT
    { body: [4, 4], execute: ({ control }) => control.init().then(resultOnly) },
  ],
  [
    0x03, // SHUTDOWN
    { body: [0, 0], execute: ({ control }) => resultOnly(control.shutdown()) },
  ],
  [
    0x04, // GET_TPMESTABLISHED
    {
      body: [0, 0],
      running: true,
      execute: ({ control }) => concatBytes(success(), Uint8Array.of(control.host.established ? 1 : 0, 0, 0, 0)),
    },
  ],
  [
    0x05, // SET_LOCALITY
    { body: [1, 4], execute: ({ control, body }) => resultOnly(control.setLocality(body[0] ?? 0)) },
  ],
  [
    0x06, // HASH_START
    { body: [0, 0], running: true, execute: ({ control }) => control.hashStart().then(resultOnly) },
  ],
  [
    0x08, // HASH_END
    { body: [0, 0], running: true, execute: ({ control }) => control.hashEnd().then(resultOnly) },
  ],
  [
    0x09, // CANCEL_TPM_CMD
    { body: [0, 0], running: true, execute: ({ control }) => resultOnly(control.cancel()) },
  ],
  [
    0x0b, // RESET_TPMESTABLISHED
    {
      body: [1, 4],
      running: true,
      execute: ({ control, body }) => control.resetEstablished(body[0] ?? 0).then(resultOnly),
    },
  ],
  [
    0x0e, // STOP
    { body: [0, 0], execute: ({ control }) => control.stop().then(resultOnly) },
  ],
  [
    0x0f, // GET_CONFIG
    { body: [0, 0], execute: () => success(0) },
  ],
  [
    0x10, // SET_DATAFD
    { body: [0, 0], execute: ({ control, descriptors }) => resultOnly(control.setDataDescriptor(descriptors)) },
  ],
  [
    0x11, // SET_BUFFERSIZE
    {
      body: [4, 4],
      execute({ control, body }) {
        const { result, sizes } = control.setBufferSize(uint32At(body, 0));
        return result === RESULT.SUCCESS ? success(...sizes) : resultOnly(result);
      },
    },
  ],
  [
    0x12, // GET_INFO
    {
      body: [16, 16],
      execute({ control, body }) {
        const flags = (BigInt(uint32At(body, 0)) << 32n) | BigInt(uint32At(body, 4));
        const { result, total, data } = control.info(flags, uint32At(body, 8));
        return result === RESULT.SUCCESS ? concatBytes(success(total, data.length), data) : resultOnly(result);
      },
    },
  ],
]);

/** The one command whose body is not taken as a whole. */
const HASH_DATA = 0x07;

/**
 * swtpm's control channel: a code and a body in, a result and more out. All that arrives with a request counts as its body,
 * since requests are padded by some clients; the next one comes after the response.
 */
export class SwtpmControlSession implements Session {
  readonly #control: Control;
  #hashing: HashMessage | undefined;

  constructor(control: Control) {
    this.#control = control;
  }

  take(input: Bytes, client: Client): number {
    if (this.#hashing !== undefined) return this.#takeHashData(this.#hashing, input, client);
    if (input.length < 4) return 0;
    const code = uint32At(input, 0);
    if (code === HASH_DATA) return this.#beginHashData(input, client);
    const command = COMMANDS.get(code);
    if (command === undefined || (command.running && !this.#control.host.running)) {
      return this.#refuse(RESULT.BAD_ORDINAL, input, client);
    }
    const body = input.slice(4);
    const [min, max] = command.body;
    if (body.length < min) return 0;
    if (body.length > max) return this.#refuse(RESULT.BAD_PARAMETER, input, client);
    const response = command.execute({ control: this.#control, body, descriptors: client.takeDescriptors() });
    if (response instanceof Uint8Array) {
      client.reply(response);
    } else {
      response.then(
        (bytes) => client.reply(bytes),
        () => client.reply(resultOnly(RESULT.FAIL)),
      );
    }
    return input.length;
  }

  /** Answers what has arrived with an error, and drops it. */
  #refuse(result: number, input: Bytes, client: Client): number {
    for (const descriptor of client.takeDescriptors()) closeSync(descriptor);
    client.reply(resultOnly(result));
    return input.length;
  }

  #beginHashData(input: Bytes, client: Client): number {
    if (!this.#control.host.running) return this.#refuse(RESULT.BAD_ORDINAL, input, client);
    if (input.length < 8) return 0;
    const message = new HashMessage(this.#control.host, uint32At(input, 4));
    if (message.left > 0) {
      this.#hashing = message;
      client.reply();
      return 8;
    }
    if (input.length > 8) return this.#refuse(RESULT.BAD_PARAMETER, input, client);
    client.reply(success());
    return input.length;
  }

  #takeHashData(message: HashMessage, input: Bytes, client: Client): number {
    if (input.length > message.left) {
      this.#hashing = undefined;
      return this.#refuse(RESULT.BAD_PARAMETER, input, client);
    }
    return message.take(input, (measured) => {
      if (message.left > 0) {
        client.reply();
        return;
      }
      this.#hashing = undefined;
      client.reply(resultOnly(measured ? RESULT.SUCCESS : RESULT.FAIL));
    });
  }
}
