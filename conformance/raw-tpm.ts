import { once } from "node:events";
import { connect, type Socket } from "node:net";

/** Where a TPM answers: raw commands as swtpm takes them, or framed as the TCG simulator takes them. */
export interface TpmAddress {
  readonly framing: "raw" | "mssim";
  readonly port: number;
}

const MSSIM_SEND_COMMAND = 8;
const MSSIM_SESSION_END = 20;
const TRANSIENT_FIRST = 0x80000000;
const LOADED_SESSION_FIRST = 0x02000000;
const SAVED_SESSION_FIRST = 0x03000000;

/** A connection that carries single commands: what the scenarios need beside the programs they drive. */
export class RawTpm {
  readonly #socket: Socket;
  readonly #framing: TpmAddress["framing"];
  #received = Buffer.alloc(0);
  #wake: (() => void) | undefined;
  #end: Error | undefined;

  private constructor(socket: Socket, framing: TpmAddress["framing"]) {
    this.#socket = socket;
    this.#framing = framing;
    socket.setNoDelay(true);
    socket.on("data", (chunk) => {
      this.#received = Buffer.concat([this.#received, chunk]);
      this.#wake?.();
    });
    socket.on("error", (error) => this.#fail(error));
    socket.on("close", () => this.#fail(new Error("the TPM closed the connection")));
  }

  static async open(address: TpmAddress): Promise<RawTpm> {
    const socket = connect(address.port, "127.0.0.1");
    await once(socket, "connect");
    return RawTpm.over(socket, address.framing);
  }

  /** By a connection that is there already. */
  static over(socket: Socket, framing: TpmAddress["framing"]): RawTpm {
    return new RawTpm(socket, framing);
  }

  /** Sends one command in the given locality (raw framing has none) and returns the response. */
  async execute(command: Uint8Array, locality = 0): Promise<Buffer> {
    if (this.#framing === "raw") {
      this.#socket.write(command);
      const header = await this.#peek(10);
      return this.#take(header.readUInt32BE(2));
    }
    const frame = Buffer.alloc(9);
    frame.writeUInt32BE(MSSIM_SEND_COMMAND, 0);
    frame.writeUInt8(locality, 4);
    frame.writeUInt32BE(command.length, 5);
    this.#socket.write(Buffer.concat([frame, command]));
    const size = (await this.#take(4)).readUInt32BE(0);
    const response = await this.#take(size);
    await this.#take(4);
    return response;
  }

  /** Sends a command without sessions and returns its response code. */
  async code(code: number, ...parts: Uint8Array[]): Promise<number> {
    return (await this.execute(command(code, ...parts))).readUInt32BE(6);
  }

  /** Flushes what the programs left in the TPM: there is no resource manager between. */
  async flush(what: "objects" | "objects and sessions"): Promise<void> {
    const firsts =
      what === "objects" ? [TRANSIENT_FIRST] : [TRANSIENT_FIRST, LOADED_SESSION_FIRST, SAVED_SESSION_FIRST];
    for (const first of firsts) {
      const list = await this.execute(command(0x17a, u32(1), u32(first), u32(64)));
      if (list.readUInt32BE(6) !== 0) return;
      const count = list.readUInt32BE(15);
      for (let i = 0; i < count; i++) await this.code(0x165, list.subarray(19 + 4 * i, 23 + 4 * i));
    }
  }

  /** Ends the connection and waits until it is gone: swtpm serves one client at a time. */
  async close(): Promise<void> {
    if (this.#end !== undefined) return;
    if (this.#framing === "mssim") this.#socket.write(u32(MSSIM_SESSION_END));
    const closed = once(this.#socket, "close");
    this.#socket.end();
    this.#socket.resume();
    await closed;
  }

  #fail(error: Error): void {
    this.#end ??= error;
    this.#wake?.();
  }

  async #peek(size: number): Promise<Buffer> {
    while (this.#received.length < size) {
      if (this.#end !== undefined) throw this.#end;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#received.subarray(0, size);
  }

  async #take(size: number): Promise<Buffer> {
    const taken = Buffer.from(await this.#peek(size));
    this.#received = this.#received.subarray(size);
    return taken;
  }
}

export function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}

export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

export function u64(value: number | bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
}

/** A command without sessions. */
export function command(code: number, ...parts: Uint8Array[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([u16(0x8001), u32(10 + body.length), u32(code), body]);
}
