import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Bytes, concatBytes, EMPTY } from "@vtpm/wire";
import {
  decodeTexts,
  encodeTexts,
  encodeXenstoreMessage,
  MAX_PAYLOAD_SIZE,
  takeXenstoreMessage,
  XS,
} from "../kernel/xen/xenstore-message.ts";

interface WatchOf {
  readonly socket: Socket;
  readonly path: string;
  readonly token: string;
}

/** A xenstored on a Unix socket: the tree and its watches, without permissions and transactions. */
export class FakeXenstored {
  readonly path: string;
  /** How many there have been. */
  requests = 0;
  /** Requests are taken and not answered. */
  silent = false;
  /** Called when a part of a long list has been gathered, before it is sent. */
  onPart: () => void = () => {};
  #changes = 0;
  readonly #directory = mkdtempSync(join(tmpdir(), "vtpm-xenstored-"));
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #nodes = new Map<string, string>();
  #watches: WatchOf[] = [];

  private constructor() {
    this.path = join(this.#directory, "socket");
    this.#server = createServer((socket) => this.#serve(socket));
  }

  static async start(): Promise<FakeXenstored> {
    const fake = new FakeXenstored();
    await new Promise<void>((resolve) => fake.#server.listen(fake.path, resolve));
    return fake;
  }

  /** What another domain or the toolstack does. */
  set(path: string, value: string): void {
    this.#nodes.set(path, value);
    this.#changed(path);
  }

  get(path: string): string | undefined {
    return this.#nodes.get(path);
  }

  /** Removes a node and all below it. */
  remove(path: string): void {
    for (const node of [...this.#nodes.keys()]) if (isAtOrBelow(node, path)) this.#nodes.delete(node);
    this.#changed(path);
  }

  /** Sends bytes to all clients. */
  inject(bytes: Bytes): void {
    for (const socket of this.#sockets) socket.write(bytes);
  }

  hangUp(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async stop(): Promise<void> {
    this.hangUp();
    await new Promise((resolve) => this.#server.close(resolve));
    rmSync(this.#directory, { recursive: true });
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    let input: Bytes = EMPTY;
    socket.on("data", (chunk: Buffer) => {
      input = concatBytes(input, new Uint8Array(chunk));
      for (let taken = takeXenstoreMessage(input); taken !== undefined; taken = takeXenstoreMessage(input)) {
        input = input.subarray(taken.size);
        const { type, requestId, payload } = taken.message;
        this.requests++;
        if (this.silent) continue;
        socket.write(encodeXenstoreMessage({ requestId, ...this.#answer(socket, type, payload) }));
        this.#afterAnswer?.();
        this.#afterAnswer = undefined;
      }
    });
    socket.on("error", () => {});
    socket.on("close", () => {
      this.#sockets.delete(socket);
      this.#watches = this.#watches.filter((watch) => watch.socket !== socket);
    });
  }

  #afterAnswer: (() => void) | undefined;

  #answer(socket: Socket, type: number, payload: Bytes): { readonly type: number; readonly payload: Bytes } {
    const [path = "", token = ""] = decodeTexts(payload);
    const ok = { type, payload: encodeTexts("OK") };
    switch (type) {
      case XS.READ: {
        const value = this.#nodes.get(path);
        return value === undefined
          ? { type: XS.ERROR, payload: encodeTexts("ENOENT") }
          : { type, payload: new TextEncoder().encode(value) };
      }
      case XS.DIRECTORY: {
        const names = this.#childrenOf(path);
        if (names.length === 0) return { type: XS.ERROR, payload: encodeTexts("ENOENT") };
        const all = encodeTexts(...names);
        return all.length > MAX_PAYLOAD_SIZE
          ? { type: XS.ERROR, payload: encodeTexts("E2BIG") }
          : { type, payload: all };
      }
      case XS.DIRECTORY_PART: {
        const generation = String(this.#changes);
        const names: string[] = [];
        let size = encodeTexts(generation, "").length;
        let at = 0;
        let last = true;
        for (const name of this.#childrenOf(path)) {
          at += name.length + 1;
          if (at <= Number(token)) continue;
          size += name.length + 1;
          last = size <= MAX_PAYLOAD_SIZE;
          if (!last) break;
          names.push(name);
        }
        this.onPart();
        return { type, payload: encodeTexts(generation, ...names, ...(last ? [""] : [])) };
      }
      case XS.WRITE:
        this.#afterAnswer = () => this.set(path, token);
        return ok;
      case XS.WATCH: {
        const watch = { socket, path, token };
        this.#watches.push(watch);
        this.#afterAnswer = () => this.#fire(watch, path);
        return ok;
      }
      case XS.UNWATCH:
        this.#watches = this.#watches.filter((watch) => watch.token !== token || watch.socket !== socket);
        return ok;
      default:
        return { type: XS.ERROR, payload: encodeTexts("ENOSYS") };
    }
  }

  #childrenOf(path: string): readonly string[] {
    const below = [...this.#nodes.keys()].filter((node) => node.startsWith(`${path}/`));
    return [...new Set(below.map((node) => node.slice(path.length + 1).split("/")[0] ?? ""))];
  }

  #changed(path: string): void {
    this.#changes++;
    for (const watch of this.#watches)
      if (isAtOrBelow(path, watch.path) || isAtOrBelow(watch.path, path)) this.#fire(watch, path);
  }

  #fire({ socket, token }: WatchOf, path: string): void {
    socket.write(encodeXenstoreMessage({ type: XS.WATCH_EVENT, requestId: 0, payload: encodeTexts(path, token) }));
  }
}

const isAtOrBelow = (node: string, path: string): boolean => node === path || node.startsWith(`${path}/`);
