import { errorResponse, TPM_RC } from "@vtpm/tpm2";
import type { Bytes } from "@vtpm/wire";
import type { TpmHost } from "../host/tpm-host.ts";
import type { Client, Session } from "./conversation.ts";
import { HashMessage } from "./hash-message.ts";
import { framedResponse, SEND_COMMAND, SEND_COMMAND_HEADER_SIZE } from "./simulator-frame.ts";
import { uint32At, uint32s } from "./words.ts";

const OPCODE = {
  HASH_START: 5,
  HASH_DATA: 6,
  HASH_END: 7,
  REMOTE_HANDSHAKE: 15,
  STOP: 21,
  SET_ALTERNATIVE_RESULT: 22,
} as const;

const SERVER_VERSION = 1;
/** Of a handshake: platform port available (1), commands pass unfiltered (4), physical presence supported (8). */
const ENDPOINT_INFO = 1 | 4 | 8;
const DONE = uint32s(0);

/**
 * The command port of the TCG simulator's protocol: opcodes, and commands behind their locality and size. Sizes are trusted
 * only as far as counting goes: what is too large is counted away, not kept.
 */
export class MssimCommandSession implements Session {
  readonly #host: TpmHost;
  readonly #endProcess: () => void;
  #hashing: HashMessage | undefined;
  #skipping: { left: number; readonly response: Bytes } | undefined;

  constructor(host: TpmHost, endProcess: () => void) {
    this.#host = host;
    this.#endProcess = endProcess;
  }

  take(input: Bytes, client: Client): number {
    if (this.#hashing !== undefined) return this.#takeHashData(this.#hashing, input, client);
    if (this.#skipping !== undefined) return this.#skip(this.#skipping, input, client);
    if (input.length < 4) return 0;
    switch (uint32At(input, 0)) {
      case SEND_COMMAND:
        return this.#takeCommand(input, client);
      case OPCODE.HASH_START:
        void this.#host.hashStart().then(() => client.reply(DONE));
        return 4;
      case OPCODE.HASH_DATA:
        if (input.length < 8) return 0;
        this.#beginHashData(uint32At(input, 4), client);
        return 8;
      case OPCODE.HASH_END:
        void this.#host.hashEnd().then(() => client.reply(DONE));
        return 4;
      case OPCODE.REMOTE_HANDSHAKE:
        if (input.length < 8) return 0;
        client.reply(uint32s(SERVER_VERSION, ENDPOINT_INFO, 0));
        return 8;
      case OPCODE.SET_ALTERNATIVE_RESULT:
        // For test programs that want to invent responses; the simulator ignores it too.
        if (input.length < 8) return 0;
        this.#beginSkipping(uint32At(input, 4), DONE, client);
        return 8;
      case OPCODE.STOP:
        setImmediate(this.#endProcess);
        client.hangUp();
        return input.length;
      default:
        // TPM_SESSION_END (20), or something after which nothing can be made sense of.
        client.hangUp();
        return input.length;
    }
  }

  #takeCommand(input: Bytes, client: Client): number {
    if (input.length < SEND_COMMAND_HEADER_SIZE) return 0;
    const locality = input[4] ?? 0;
    const size = uint32At(input, 5);
    if (size > this.#host.bufferSize) {
      this.#beginSkipping(size, framedResponse(errorResponse(TPM_RC.COMMAND_SIZE)), client);
      return SEND_COMMAND_HEADER_SIZE;
    }
    const end = SEND_COMMAND_HEADER_SIZE + size;
    if (input.length < end) return 0;
    const command = input.slice(SEND_COMMAND_HEADER_SIZE, end);
    this.#host.submit(command, (response) => client.reply(framedResponse(response)), locality);
    return end;
  }

  #beginHashData(size: number, client: Client): void {
    const message = new HashMessage(this.#host, size);
    if (size > 0) this.#hashing = message;
    client.reply(size > 0 ? undefined : DONE);
  }

  #takeHashData(message: HashMessage, input: Bytes, client: Client): number {
    return message.take(input, () => {
      if (message.left === 0) this.#hashing = undefined;
      client.reply(message.left === 0 ? DONE : undefined);
    });
  }

  #beginSkipping(size: number, response: Bytes, client: Client): void {
    if (size > 0) this.#skipping = { left: size, response };
    client.reply(size > 0 ? undefined : response);
  }

  #skip(skipping: { left: number; readonly response: Bytes }, input: Bytes, client: Client): number {
    const taken = Math.min(skipping.left, input.length);
    skipping.left -= taken;
    if (skipping.left === 0) this.#skipping = undefined;
    client.reply(skipping.left === 0 ? skipping.response : undefined);
    return taken;
  }
}
