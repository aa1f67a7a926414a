import { once } from "node:events";
import { connect, type NetConnectOpts, type Socket } from "node:net";

/** One connection to a server that takes raw commands, as swtpm's data channel does. One command at a time. */
export class Connection {
  readonly #socket: Socket;
  #pieces: Buffer[] = [];
  #length = 0;
  #waiting: { resolve: (response: Buffer) => void; reject: (error: Error) => void } | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on("data", (chunk: Buffer) => this.#receive(chunk));
    socket.on("error", (error) => this.#waiting?.reject(error));
    socket.on("close", () => this.#waiting?.reject(new Error("the server closed the connection")));
  }

  static async open(address: NetConnectOpts): Promise<Connection> {
    const socket = connect(address);
    await once(socket, "connect");
    return new Connection(socket);
  }

  /** Sends a command and resolves with the whole response. */
  transact(command: Buffer): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#socket.write(command);
    });
  }

  close(): void {
    this.#waiting = undefined;
    this.#socket.destroy();
  }

  #receive(chunk: Buffer): void {
    this.#pieces.push(chunk);
    this.#length += chunk.length;
    if (this.#length < 10) return;
    const response = this.#pieces.length === 1 ? chunk : Buffer.concat(this.#pieces);
    if (response.length < response.readUInt32BE(2)) return;
    this.#pieces = [];
    this.#length = 0;
    this.#waiting?.resolve(response);
  }
}
