import { type Bytes, concatBytes } from "@vtpm/wire";
import { CONTROL, type ControlCommandName } from "../control/commands.ts";
import type { Control } from "./control.ts";
import type { Client, Session } from "./conversation.ts";
import { HashMessage } from "./hash-message.ts";
import { RESULT } from "./result.ts";
import { MAX_BLOB_SIZE } from "./state-blobs.ts";
import { uint32At, uint32s } from "./words.ts";

/** Milliseconds within which a request must be complete. */
export const CONTROL_REQUEST_MS = 500;

interface Request {
  readonly control: Control;
  readonly body: Bytes;
  readonly client: Client;
}

interface Handling {
  /** Bytes behind the code, at least and, where more are not ignored, at most. */
  readonly body: readonly [min: number, max?: number];
  /** Whether a body that is too short is refused at once; the rest of others is waited for. */
  readonly whole?: true;
  /** Whether the TPM must be powered on; otherwise the request is refused whatever its body is. */
  readonly running?: true;
  /** The response, at once or later. */
  execute(request: Request): Bytes | Promise<Bytes>;
}

const success = (...more: readonly number[]): Bytes => uint32s(RESULT.SUCCESS, ...more);
const resultOnly = (result: number): Bytes => uint32s(result);

/** The commands that are taken as a whole; the others have data of any length. */
const HANDLINGS = {
  GET_CAPABILITY: { body: [0], execute: ({ control }) => success(control.capabilities) },
  INIT: { body: [4, 4], execute: ({ control, body }) => control.init(uint32At(body, 0)).then(resultOnly) },
  SHUTDOWN: { body: [0, 0], execute: ({ control }) => resultOnly(control.shutdown()) },
  GET_TPMESTABLISHED: {
    body: [0, 0],
    running: true,
    execute: ({ control }) => concatBytes(success(), Uint8Array.of(control.host.established ? 1 : 0, 0, 0, 0)),
  },
  SET_LOCALITY: { body: [1], execute: ({ control, body }) => resultOnly(control.setLocality(body[0] ?? 0)) },
  HASH_START: { body: [0, 0], running: true, execute: ({ control }) => control.hashStart().then(resultOnly) },
  HASH_END: { body: [0, 0], running: true, execute: ({ control }) => control.hashEnd().then(resultOnly) },
  CANCEL_TPM_CMD: { body: [0, 0], running: true, execute: ({ control }) => resultOnly(control.cancel()) },
  STORE_VOLATILE: { body: [0, 0], running: true, execute: ({ control }) => control.storeVolatile().then(resultOnly) },
  RESET_TPMESTABLISHED: {
    body: [1],
    running: true,
    execute: ({ control, body }) => control.resetEstablished(body[0] ?? 0).then(resultOnly),
  },
  GET_STATEBLOB: {
    body: [12],
    running: true,
    async execute({ control, body }) {
      const part = await control.getStateBlob(uint32At(body, 0), uint32At(body, 4), uint32At(body, 8));
      // All there is, in one message: readers expect no more.
      return concatBytes(uint32s(part.result, part.flags, part.total, part.data.length), part.data);
    },
  },
  STOP: { body: [0, 0], execute: ({ control }) => control.stop().then(resultOnly) },
  GET_CONFIG: { body: [0, 0], execute: ({ control }) => success(control.config) },
  SET_DATAFD: {
    body: [0],
    execute: ({ control, client }) => resultOnly(control.setDataDescriptor(client.takeDescriptors())),
  },
  SET_BUFFERSIZE: {
    body: [4],
    whole: true,
    execute({ control, body }) {
      const { result, sizes } = control.setBufferSize(uint32At(body, 0));
      return result === RESULT.SUCCESS ? success(...sizes) : resultOnly(result);
    },
  },
  GET_INFO: {
    body: [16],
    whole: true,
    execute({ control, body }) {
      const flags = (BigInt(uint32At(body, 0)) << 32n) | BigInt(uint32At(body, 4));
      const { result, total, data } = control.info(flags, uint32At(body, 8));
      return result === RESULT.SUCCESS ? concatBytes(success(total, data.length), data) : resultOnly(result);
    },
  },
  LOCK_STORAGE: {
    body: [4],
    whole: true,
    execute: ({ control, body }) => control.lockStorage(uint32At(body, 0)).then(resultOnly),
  },
} as const satisfies Partial<Record<ControlCommandName, Handling>>;

const BY_CODE: ReadonlyMap<number, Handling> = new Map(
  Object.entries(HANDLINGS).map(([name, handling]) => [CONTROL[name as keyof typeof HANDLINGS].code, handling]),
);

/** Bytes before the data of HASH_DATA and SET_STATEBLOB, code included. */
const HASH_HEADER_SIZE = 8;
const BLOB_HEADER_SIZE = 16;

/** A blob that is arriving. */
interface ArrivingBlob {
  readonly flags: number;
  readonly type: number;
  readonly parts: Bytes[];
  left: number;
}

/**
 * swtpm's control channel: a code and a body in, a result and more out. All that arrives with a request counts as its body,
 * since requests are padded by some clients; the next one comes after the response.
 */
export class SwtpmControlSession implements Session {
  readonly #control: Control;
  #hashing: HashMessage | undefined;
  #arriving: ArrivingBlob | undefined;

  constructor(control: Control) {
    this.#control = control;
  }

  take(input: Bytes, client: Client): number {
    if (this.#hashing !== undefined) return this.#takeHashData(this.#hashing, input, client);
    if (this.#arriving !== undefined) return this.#takeBlob(this.#arriving, input, client);
    if (input.length < 4) return 0;
    const code = uint32At(input, 0);
    if (code === CONTROL.HASH_DATA.code) return this.#beginHashData(input, client);
    if (code === CONTROL.SET_STATEBLOB.code) return this.#beginBlob(input, client);
    const handling = BY_CODE.get(code);
    if (handling === undefined || (handling.running && !this.#control.host.running)) {
      return this.#refuse(RESULT.BAD_ORDINAL, input, client);
    }
    const body = input.slice(4);
    const [min, max = body.length] = handling.body;
    if (body.length < min && !handling.whole) return 0;
    if (body.length < min || body.length > max) return this.#refuse(RESULT.BAD_PARAMETER, input, client);
    const response = handling.execute({ control: this.#control, body, client });
    if (response instanceof Uint8Array) client.reply(response);
    else this.#replyLater(response, client);
    return input.length;
  }

  /** A blob of which the rest will not come. */
  cutOff(): Bytes | undefined {
    return this.#arriving === undefined ? undefined : resultOnly(RESULT.BAD_PARAMETER);
  }

  #replyLater(response: Promise<Bytes>, client: Client): void {
    response.then(
      (bytes) => client.reply(bytes),
      () => client.reply(resultOnly(RESULT.FAIL)),
    );
  }

  /** Answers what has arrived with an error, and drops it. */
  #refuse(result: number, input: Bytes, client: Client): number {
    client.reply(resultOnly(result));
    return input.length;
  }

  #beginHashData(input: Bytes, client: Client): number {
    if (!this.#control.host.running) return this.#refuse(RESULT.BAD_ORDINAL, input, client);
    if (input.length < HASH_HEADER_SIZE) return 0;
    const message = new HashMessage(this.#control.host, uint32At(input, 4));
    if (message.left > 0) {
      this.#hashing = message;
      client.reply();
      return HASH_HEADER_SIZE;
    }
    if (input.length > HASH_HEADER_SIZE) return this.#refuse(RESULT.BAD_PARAMETER, input, client);
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

  #beginBlob(input: Bytes, client: Client): number {
    if (this.#control.host.running) return this.#refuse(RESULT.BAD_ORDINAL, input, client);
    if (input.length < BLOB_HEADER_SIZE) return 0;
    const [flags, type, size] = [uint32At(input, 4), uint32At(input, 8), uint32At(input, 12)];
    if (size > MAX_BLOB_SIZE) {
      // What follows is not a request: nothing more can be made sense of.
      client.hangUp(resultOnly(RESULT.FAIL));
      return input.length;
    }
    if (size > 0) {
      this.#arriving = { flags, type, parts: [], left: size };
      client.reply();
      return BLOB_HEADER_SIZE;
    }
    if (input.length > BLOB_HEADER_SIZE) return this.#refuse(RESULT.BAD_PARAMETER, input, client);
    this.#replyLater(this.#control.setStateBlob(flags, type, new Uint8Array(0)).then(resultOnly), client);
    return input.length;
  }

  #takeBlob(blob: ArrivingBlob, input: Bytes, client: Client): number {
    if (input.length > blob.left) {
      this.#arriving = undefined;
      return this.#refuse(RESULT.BAD_PARAMETER, input, client);
    }
    blob.parts.push(input.slice());
    blob.left -= input.length;
    if (blob.left > 0) {
      client.reply();
      return input.length;
    }
    this.#arriving = undefined;
    const whole = concatBytes(...blob.parts);
    this.#replyLater(this.#control.setStateBlob(blob.flags, blob.type, whole).then(resultOnly), client);
    return input.length;
  }
}
