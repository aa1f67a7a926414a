import type { Socket } from "node:net";
import { type Bytes, concatBytes } from "@vtpm/wire";
import { uint32At, uint32s } from "../server/words.ts";
import { CONTROL, type ControlCommandName, NON_FATAL } from "./commands.ts";
import { ControlChannelError } from "./control-error.ts";
import type { ControlTransport } from "./control-transport.ts";

/** Milliseconds that a server may take to answer. */
const ANSWER_MS = 20_000;
/** Bytes of data that one response may have. */
const DATA_MAX = 4 << 20;

/** Control commands over a connected socket. */
export class SocketTransport implements ControlTransport {
  readonly littleEndian = false;
  readonly blobPacket = undefined;
  readonly #socket: Socket;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("error", () => {}); // between two exchanges nobody is to be told; "close" follows
  }

  close(): void {
    this.#socket.destroy();
  }

  exchange(command: ControlCommandName, request: Bytes): Promise<Bytes> {
    // In one piece: a server takes what comes with the code as the body.
    this.#socket.write(concatBytes(uint32s(CONTROL[command].code), request));
    return new Promise((resolve, reject) => {
      const received: Bytes[] = [];
      const settle = (end: () => void) => {
        clearTimeout(timer);
        this.#socket.off("data", take).off("error", fail).off("close", closed);
        end();
      };
      const fail = (error: Error) =>
        settle(() => reject(new ControlChannelError(command, error.message, { cause: error })));
      const closed = () => fail(new Error("the TPM closed the connection without an answer"));
      const take = (chunk: Buffer) => {
        received.push(Uint8Array.from(chunk));
        const bytes = concatBytes(...received);
        const size = sizeOf(command, bytes);
        if (size > DATA_MAX) fail(new Error(`an answer of ${size} bytes is announced, which cannot be`));
        else if (bytes.length >= size) settle(() => resolve(bytes.subarray(0, size)));
      };
      const timer = setTimeout(() => fail(new Error(`no answer within ${ANSWER_MS / 1000} seconds`)), ANSWER_MS);
      this.#socket.on("data", take).on("error", fail).on("close", closed);
      // What has closed already does not say so again.
      if (this.#socket.destroyed) closed();
    });
  }
}

/** How long a response is, as far as it is known from its beginning. */
function sizeOf(command: ControlCommandName, begun: Bytes): number {
  if (begun.length < 4) return 4;
  const result = uint32At(begun, 0);
  if (result !== 0 && result !== NON_FATAL) return 4;
  const { size, data } = { data: false, ...CONTROL[command].response };
  if (!data || begun.length < size) return size;
  return size + uint32At(begun, size - 4);
}
