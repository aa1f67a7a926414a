import { connect, type Socket } from "node:net";
import { type Bytes, concatBytes, EMPTY } from "@vtpm/wire";

/** A client that sends bytes and reads as many as it expects. */
export class WireClient {
  readonly #socket: Socket;
  #received: Bytes = EMPTY;
  #ended = false;
  #wake: () => void = () => {};

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true); // segments shall arrive as they are sent
    socket.on("data", (chunk: Buffer) => {
      this.#received = concatBytes(this.#received, chunk);
      this.#wake();
    });
    const end = (): void => {
      this.#ended = true;
      this.#wake();
    };
    socket.on("end", end);
    socket.on("close", end);
    socket.on("error", () => {}); // "close" follows
  }

  /** Connects to a TCP port of this machine, or to a Unix socket. */
  static open(address: number | string): Promise<WireClient> {
    return new Promise((resolve, reject) => {
      const socket = typeof address === "number" ? connect(address, "127.0.0.1") : connect(address);
      socket.once("error", reject);
      socket.once("connect", () => resolve(new WireClient(socket)));
    });
  }

  send(...parts: readonly Bytes[]): void {
    this.#socket.write(concatBytes(...parts));
  }

  /** From now on a short segment waits until what was sent before has been acknowledged, as by default. */
  awaitAcknowledgements(): void {
    this.#socket.setNoDelay(false);
  }

  /** Reads no more. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Sends in segments that the other side reads one by one. */
  async sendApart(...parts: readonly Bytes[]): Promise<void> {
    for (const part of parts) {
      await new Promise<void>((resolve) => this.#socket.write(part, () => resolve()));
      // Both sides live in this process: some turns of its loop later the segment has been read.
      for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
    }
  }

  /** The next `size` bytes; rejects when the connection ends before. */
  async receive(size: number): Promise<Bytes> {
    while (this.#received.length < size) {
      if (this.#ended) throw new Error(`the connection ended after ${this.#received.length} of ${size} bytes`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const bytes = this.#received.slice(0, size);
    this.#received = this.#received.slice(size);
    return bytes;
  }

  /** A TPM response. */
  async response(): Promise<Bytes> {
    const header = await this.receive(10);
    return concatBytes(header, await this.receive(new DataView(header.buffer).getUint32(2) - 10));
  }

  /** A response in the simulator's frame. */
  async framedResponse(): Promise<Bytes> {
    const size = new DataView((await this.receive(4)).buffer).getUint32(0);
    const response = await this.receive(size);
    if ((await this.receive(4)).some((byte) => byte !== 0)) throw new Error("no zero behind the response");
    return response;
  }

  /** Resolves when the other side has closed the connection; tells how much it had sent that was not read. */
  async end(): Promise<number> {
    while (!this.#ended) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#received.length;
  }

  /** Closes this side only. */
  finish(): void {
    this.#socket.end();
  }

  close(): void {
    this.#socket.destroy();
  }
}
