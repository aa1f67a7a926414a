import type { Duplex } from "node:stream";
import { type Bytes, concatBytes, EMPTY } from "@vtpm/wire";
import { ClientError } from "../client-error.ts";
import type { Transport } from "../transport.ts";

/** Bytes of tag and size, which say how long the response is. */
const PREFIX_SIZE = 6;
/** More than any TPM answers; a size beyond it is not one. */
const MAX_RESPONSE_SIZE = 65536;

export interface StreamTransportOptions {
  /** How long a response may take; as long as it likes if absent. */
  readonly timeoutMs?: number;
}

/** Commands as they are on a byte stream, such as the socket of swtpm's data channel; one at a time. */
export class StreamTransport implements Transport {
  readonly #stream: Duplex;
  readonly #timeoutMs: number | undefined;
  #received: Bytes = EMPTY;
  #waiting: { resolve: (response: Bytes) => void; reject: (error: Error) => void } | undefined;
  #end: ClientError | undefined;

  constructor(stream: Duplex, options: StreamTransportOptions = {}) {
    this.#stream = stream;
    this.#timeoutMs = options.timeoutMs;
    stream.on("data", (chunk: Uint8Array) => {
      this.#received = concatBytes(this.#received, chunk);
      this.#deliver();
    });
    stream.on("error", (error) => this.#fail(new ClientError("DISCONNECTED", error.message, { cause: error })));
    stream.on("close", () => this.#fail(new ClientError("DISCONNECTED", "the TPM closed the connection")));
    stream.on("end", () => this.#fail(new ClientError("DISCONNECTED", "the TPM closed the connection")));
  }

  execute(command: Bytes): Promise<Bytes> {
    return new Promise<Bytes>((resolve, reject) => {
      if (this.#end !== undefined) throw this.#end;
      if (this.#waiting !== undefined) throw new RangeError("a command is under way already");
      const timer = this.#timer();
      this.#waiting = {
        resolve: (response) => {
          clearTimeout(timer);
          resolve(response);
        },
        reject: (error) => {
          clearTimeout(timer);
          reject(error);
        },
      };
      this.#stream.write(command);
    });
  }

  #timer(): NodeJS.Timeout | undefined {
    if (this.#timeoutMs === undefined) return undefined;
    const message = `no response within ${this.#timeoutMs / 1000} seconds`;
    return setTimeout(() => this.#fail(new ClientError("TIMEOUT", message)), this.#timeoutMs);
  }

  #deliver(): void {
    if (this.#received.length < PREFIX_SIZE) return;
    const { buffer, byteOffset } = this.#received;
    const size = new DataView(buffer, byteOffset).getUint32(2);
    if (size < PREFIX_SIZE || size > MAX_RESPONSE_SIZE) {
      this.#fail(new ClientError("MALFORMED", `no response has ${size} bytes`));
      return;
    }
    if (this.#received.length < size) return;
    const response = this.#received.slice(0, size);
    this.#received = this.#received.slice(size);
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.resolve(response);
  }

  /** Nothing that comes later would belong to a command. */
  #fail(error: ClientError): void {
    this.#end ??= error;
    this.#waiting?.reject(this.#end);
    this.#waiting = undefined;
  }
}
