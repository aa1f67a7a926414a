import { errorResponse, TPM_RC } from "@vtpm/tpm2";
import type { Bytes } from "@vtpm/wire";
import type { CommandPort } from "./command-port.ts";
import type { Client, Session } from "./conversation.ts";
import { framedResponse, SEND_COMMAND, SEND_COMMAND_HEADER_SIZE } from "./simulator-frame.ts";
import { uint32At } from "./words.ts";

/** Bytes of a command's tag, size and code. */
const COMMAND_HEADER_SIZE = 10;
/** Bytes of tag and size: enough to know how long a command is. */
const SIZE_KNOWN = 6;

/**
 * swtpm's data channel: bare commands and bare responses. A command may come behind the simulator's header, which sets the
 * locality from then on and puts the response into the simulator's frame.
 *
 * Where a size cannot be right, what has arrived is answered and dropped, and the next segment begins a new command.
 */
export class SwtpmDataSession implements Session {
  readonly #port: CommandPort;

  constructor(port: CommandPort) {
    this.#port = port;
  }

  take(input: Bytes, client: Client): number {
    if (input.length < SIZE_KNOWN) return 0;
    return uint32At(input, 0) === SEND_COMMAND ? this.#takeFramed(input, client) : this.#takeBare(input, client);
  }

  #takeBare(input: Bytes, client: Client): number {
    const size = uint32At(input, 2);
    const possible = size >= COMMAND_HEADER_SIZE && size <= this.#port.host.bufferSize;
    if (input.length < (possible ? size : COMMAND_HEADER_SIZE)) return 0;
    // The TPM says what is wrong with a command that is not as long as it tells.
    const command = possible ? input.slice(0, size) : input.slice();
    this.#port.submit(command, (response) => client.reply(response));
    return command.length;
  }

  #takeFramed(input: Bytes, client: Client): number {
    if (input.length < SEND_COMMAND_HEADER_SIZE) return 0;
    const size = uint32At(input, 5);
    if (size > this.#port.host.bufferSize) {
      client.reply(framedResponse(errorResponse(TPM_RC.COMMAND_SIZE)));
      return input.length;
    }
    const end = SEND_COMMAND_HEADER_SIZE + size;
    if (input.length < end) return 0;
    this.#port.host.locality = input[4] ?? 0;
    const command = input.slice(SEND_COMMAND_HEADER_SIZE, end);
    this.#port.submit(command, (response) => client.reply(framedResponse(response)));
    return end;
  }
}
