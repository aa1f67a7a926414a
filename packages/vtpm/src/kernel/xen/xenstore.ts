import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { type Bytes, concatBytes, EMPTY } from "@vtpm/wire";
import { reasonOf } from "../../host-error.ts";
import { XenError } from "./xen-error.ts";
import {
  decodeTexts,
  encodeTexts,
  encodeXenstoreMessage,
  takeXenstoreMessage,
  type XenstoreMessage,
  XS,
} from "./xenstore-message.ts";

/** What a back end does with xenstore, the tree of short texts in which domains announce themselves to each other. */
export interface XenstoreAccess {
  /** The text at a path; `undefined` if there is none. */
  read(path: string): Promise<string | undefined>;
  /** Names of the children of a path; none if it does not exist. */
  list(path: string): Promise<readonly string[]>;
  write(path: string, value: string): Promise<void>;
  /**
   * Calls `onChange` soon after the call with the path, and whenever something changes at or below it with the path of that.
   * Returns its end.
   */
  watch(path: string, onChange: (changed: string) => void): Promise<() => Promise<void>>;
}

interface Pending {
  readonly what: string;
  resolve(payload: Bytes): void;
  reject(error: Error): void;
}

/** A client of xenstored on its Unix socket, or whatever else speaks its protocol. */
export class Xenstore implements XenstoreAccess {
  readonly #path: string;
  readonly #socket: Socket;
  readonly #pending = new Map<number, Pending>();
  readonly #watches = new Map<string, (changed: string) => void>();
  #input: Bytes = EMPTY;
  #lastId = 0;
  #lastToken = 0;
  #failure: XenError | undefined;
  /** Resolves when xenstored has gone, with the reason. */
  readonly lost: Promise<XenError>;

  private constructor(path: string, socket: Socket) {
    this.#path = path;
    this.#socket = socket;
    socket.on("data", (chunk: Buffer) => this.#receive(chunk));
    this.lost = new Promise((resolve) => {
      socket.on("error", (error) => resolve(this.#fail(reasonOf(error))));
      socket.on("close", () => resolve(this.#fail("it closed the connection")));
    });
  }

  /** Rejects with `XENSTORE_UNAVAILABLE`. */
  static async connect(path: string): Promise<Xenstore> {
    const socket = connect(path);
    try {
      await once(socket, "connect");
    } catch (error) {
      const remedy = "this must run in a domain with Xen's tools, after xenstored was started";
      throw new XenError("XENSTORE_UNAVAILABLE", `cannot reach xenstored at ${path}: ${reasonOf(error)}; ${remedy}`, {
        cause: error,
      });
    }
    return new Xenstore(path, socket);
  }

  async read(path: string): Promise<string | undefined> {
    try {
      return new TextDecoder().decode(await this.#request(XS.READ, path, encodeTexts(path)));
    } catch (error) {
      if (isRefusal(error, "ENOENT")) return undefined;
      throw error;
    }
  }

  async list(path: string): Promise<readonly string[]> {
    try {
      return decodeTexts(await this.#request(XS.DIRECTORY, path, encodeTexts(path)));
    } catch (error) {
      if (isRefusal(error, "ENOENT")) return [];
      if (isRefusal(error, "E2BIG")) return this.#listInParts(path);
      throw error;
    }
  }

  async write(path: string, value: string): Promise<void> {
    await this.#request(XS.WRITE, path, concatBytes(encodeTexts(path), new TextEncoder().encode(value)));
  }

  async watch(path: string, onChange: (changed: string) => void): Promise<() => Promise<void>> {
    const token = `vtpm-${++this.#lastToken}`;
    this.#watches.set(token, onChange);
    try {
      await this.#request(XS.WATCH, path, encodeTexts(path, token));
    } catch (error) {
      this.#watches.delete(token);
      throw error;
    }
    return async () => {
      this.#watches.delete(token);
      await this.#request(XS.UNWATCH, path, encodeTexts(path, token));
    };
  }

  close(): void {
    this.#socket.destroy();
  }

  /**
   * The children of a node that has more than fit into one answer, which is those of about a thousand domains. Each part says
   * to which generation of the node it belongs and has an empty name at its end if it is the last.
   */
  async #listInParts(path: string): Promise<readonly string[]> {
    let names: string[] = [];
    let generation: string | undefined;
    for (let offset = 0; ; ) {
      const answer = await this.#request(XS.DIRECTORY_PART, path, encodeTexts(path, String(offset)));
      const [is, ...part] = decodeTexts(answer);
      if (generation !== undefined && is !== generation) {
        // Something was added or removed since the last part.
        names = [];
        offset = 0;
        generation = undefined;
        continue;
      }
      generation = is;
      const last = part.at(-1) === "" || part.length === 0;
      names.push(...part.filter((name) => name !== ""));
      if (last) return names;
      offset += encodeTexts(...part).length;
    }
  }

  #request(type: number, path: string, payload: Bytes): Promise<Bytes> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) {
        reject(this.#failure);
        return;
      }
      this.#lastId = (this.#lastId + 1) % 0x1_0000_0000;
      const message = encodeXenstoreMessage({ type, requestId: this.#lastId, payload });
      this.#pending.set(this.#lastId, { what: path, resolve, reject });
      this.#socket.write(message);
    });
  }

  #receive(chunk: Buffer): void {
    this.#input = concatBytes(this.#input, new Uint8Array(chunk));
    try {
      for (
        let taken = takeXenstoreMessage(this.#input);
        taken !== undefined;
        taken = takeXenstoreMessage(this.#input)
      ) {
        this.#input = this.#input.subarray(taken.size);
        this.#handle(taken.message);
      }
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      this.#fail(error.message);
      this.#socket.destroy();
    }
  }

  #handle({ type, requestId, payload }: XenstoreMessage): void {
    if (type === XS.WATCH_EVENT) {
      const [path = "", token = ""] = decodeTexts(payload);
      this.#watches.get(token)?.(path);
      return;
    }
    const pending = this.#pending.get(requestId);
    if (pending === undefined) return;
    this.#pending.delete(requestId);
    if (type === XS.ERROR) {
      const [reason = "?"] = decodeTexts(payload);
      pending.reject(new XenError("XENSTORE_REFUSED", `xenstore ${pending.what}: ${reason}`, { cause: reason }));
    } else {
      pending.resolve(payload);
    }
  }

  #fail(reason: string): XenError {
    this.#failure ??= new XenError("XENSTORE_UNAVAILABLE", `xenstored at ${this.#path} is gone: ${reason}`);
    for (const { reject } of this.#pending.values()) reject(this.#failure);
    this.#pending.clear();
    return this.#failure;
  }
}

const isRefusal = (error: unknown, reason: string): boolean =>
  error instanceof XenError && error.code === "XENSTORE_REFUSED" && error.cause === reason;
