import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { createInterface } from "node:readline";

type Json = Readonly<Record<string, unknown>>;

/** QEMU's own control channel: one command at a time, events on the way. */
export class Qmp {
  readonly #socket: Socket;
  readonly #waiting: ((answer: Json) => void)[] = [];

  private constructor(socket: Socket) {
    this.#socket = socket;
    createInterface(socket).on("line", (line) => {
      const message = JSON.parse(line) as Json;
      if ("return" in message || "error" in message) this.#waiting.shift()?.(message);
    });
    socket.on("error", () => {}); // "close" follows
    socket.on("close", () => {
      for (const settle of this.#waiting.splice(0)) settle({ error: { desc: "the machine has ended" } });
    });
  }

  /** QEMU's arguments for a channel at this path. */
  static args(path: string): string[] {
    return ["-qmp", `unix:${path},server=on,wait=off`];
  }

  /** Connects as soon as QEMU listens. */
  static async open(path: string): Promise<Qmp> {
    for (;;) {
      const socket = connect(path);
      try {
        await once(socket, "connect");
      } catch {
        // QEMU has not begun to listen. Whoever waits for its end notices if it never does.
        await new Promise((resolve) => setTimeout(resolve, 20));
        continue;
      }
      const qmp = new Qmp(socket);
      await qmp.execute("qmp_capabilities");
      return qmp;
    }
  }

  /** Rejects with QEMU's reason. */
  async execute(command: string, args: Json = {}): Promise<unknown> {
    const answer = new Promise<Json>((resolve) => this.#waiting.push(resolve));
    this.#socket.write(`${JSON.stringify({ execute: command, arguments: args })}\n`);
    const { return: value, error } = await answer;
    if (error !== undefined) throw new Error(`QEMU refuses ${command}: ${JSON.stringify(error)}`);
    return value;
  }

  close(): void {
    this.#socket.destroy();
  }
}
