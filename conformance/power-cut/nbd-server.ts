import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { u16, u32, u64 } from "../raw-tpm.ts";
import { type CachedDisk, SECTOR } from "./cached-disk.ts";

/** The NBD protocol's documentation (proto.md): as much of it as QEMU needs for one disk on a Unix socket. */
const NBDMAGIC = Buffer.from("NBDMAGIC");
const IHAVEOPT = Buffer.from("IHAVEOPT");
const FLAG_FIXED_NEWSTYLE = 1;
const FLAG_NO_ZEROES = 2;
const OPT = { ABORT: 2, INFO: 6, GO: 7 } as const;
const REPLY_MAGIC = Buffer.from("0003e889045565a9", "hex");
const REP = { ACK: 1, INFO: 3, ERR_UNSUP: 0x8000_0001 } as const;
const INFO = { EXPORT: 0, BLOCK_SIZE: 3 } as const;
/** No FUA, no trim, no write of zeroes: what the guest wants durable comes as a write and a flush. */
const HAS_FLAGS_AND_SEND_FLUSH = 1 | 4;
const REQUEST_MAGIC = 0x25609513;
const SIMPLE_REPLY_MAGIC = 0x67446698;
const CMD = { READ: 0, WRITE: 1, DISC: 2, FLUSH: 3 } as const;
const EINVAL = 22;
const REQUEST_SIZE = 28;
const OPTION_SIZE = 16;
const PREFERRED_BLOCK = 4096;
const MAX_REQUEST = 0x200_0000;

/** Serves a disk to one QEMU after the other. */
export class NbdServer {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(disk: CachedDisk) {
    this.#server = createServer((socket) => {
      this.#sockets.add(socket);
      // A machine that is killed resets its connections.
      socket.on("error", () => socket.destroy());
      socket.on("close", () => this.#sockets.delete(socket));
      const conversation = new Conversation(socket, disk);
      socket.on("data", (chunk) => conversation.take(chunk));
      conversation.greet();
    });
  }

  static async listen(path: string, disk: CachedDisk): Promise<NbdServer> {
    const server = new NbdServer(disk);
    server.#server.listen(path);
    await once(server.#server, "listening");
    return server;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, "close");
  }
}

class Conversation {
  readonly #socket: Socket;
  readonly #disk: CachedDisk;
  #received = Buffer.alloc(0);
  #phase: "client flags" | "options" | "transmission" = "client flags";

  constructor(socket: Socket, disk: CachedDisk) {
    this.#socket = socket;
    this.#disk = disk;
  }

  greet(): void {
    this.#socket.write(Buffer.concat([NBDMAGIC, IHAVEOPT, u16(FLAG_FIXED_NEWSTYLE | FLAG_NO_ZEROES)]));
  }

  take(chunk: Buffer): void {
    this.#received = Buffer.concat([this.#received, chunk]);
    for (;;) {
      const used = this.#next(this.#received);
      if (used === 0) return;
      this.#received = this.#received.subarray(used);
    }
  }

  /** Does what comes next, if it is there; how many bytes it was. */
  #next(bytes: Buffer): number {
    if (this.#disk.isOff) return 0;
    if (this.#phase === "client flags") {
      if (bytes.length < 4) return 0;
      this.#phase = "options";
      return 4;
    }
    return this.#phase === "options" ? this.#option(bytes) : this.#request(bytes);
  }

  #option(bytes: Buffer): number {
    if (bytes.length < OPTION_SIZE) return 0;
    const size = OPTION_SIZE + bytes.readUInt32BE(12);
    if (bytes.length < size) return 0;
    const option = bytes.readUInt32BE(8);
    const reply = (type: number, data: Buffer = Buffer.alloc(0)): void => {
      this.#socket.write(Buffer.concat([REPLY_MAGIC, u32(option), u32(type), u32(data.length), data]));
    };
    if (option === OPT.GO || option === OPT.INFO) {
      reply(REP.INFO, Buffer.concat([u16(INFO.EXPORT), u64(this.#disk.size), u16(HAS_FLAGS_AND_SEND_FLUSH)]));
      reply(REP.INFO, Buffer.concat([u16(INFO.BLOCK_SIZE), u32(SECTOR), u32(PREFERRED_BLOCK), u32(MAX_REQUEST)]));
      reply(REP.ACK);
      if (option === OPT.GO) this.#phase = "transmission";
    } else if (option === OPT.ABORT) {
      reply(REP.ACK);
      this.#socket.end();
    } else reply(REP.ERR_UNSUP);
    return size;
  }

  #request(bytes: Buffer): number {
    if (bytes.length < REQUEST_SIZE) return 0;
    if (bytes.readUInt32BE(0) !== REQUEST_MAGIC) throw new Error("this is no request of NBD");
    const type = bytes.readUInt16BE(6);
    const cookie = bytes.subarray(8, 16);
    const offset = Number(bytes.readBigUInt64BE(16));
    const size = bytes.readUInt32BE(24);
    const end = REQUEST_SIZE + (type === CMD.WRITE ? size : 0);
    if (bytes.length < end) return 0;
    if (type === CMD.DISC) this.#socket.end();
    else {
      const inDisk = offset % SECTOR === 0 && size % SECTOR === 0 && offset + size <= this.#disk.size;
      const result = inDisk ? this.#perform(type, offset, size, bytes.subarray(REQUEST_SIZE, end)) : EINVAL;
      // A disk without power answers nothing.
      if (!this.#disk.isOff) {
        const [error, data] = typeof result === "number" ? [result, Buffer.alloc(0)] : [0, result];
        this.#socket.write(Buffer.concat([u32(SIMPLE_REPLY_MAGIC), u32(error), cookie, data]));
      }
    }
    return end;
  }

  /** What was read, or an error number; 0 is none. */
  #perform(type: number, offset: number, size: number, data: Buffer): Buffer | number {
    switch (type) {
      case CMD.READ:
        return this.#disk.read(offset, size);
      case CMD.WRITE:
        this.#disk.write(offset, data);
        return 0;
      case CMD.FLUSH:
        this.#disk.flush();
        return 0;
      default:
        return EINVAL;
    }
  }
}
