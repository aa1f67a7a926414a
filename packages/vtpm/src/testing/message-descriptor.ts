import { closeSync, readSync, writeSync } from "node:fs";
import { type Bytes, EMPTY } from "@vtpm/wire";
import type { Poller, Watch } from "../native/poller.ts";
import { socketPair } from "./socket-pair.ts";

const MESSAGE_SIZE = 65536;

/** The other side of a descriptor that carries messages: what a kernel is for a front end. */
export class MessageDescriptor {
  /** The front end's side. */
  readonly fd: number;
  readonly #ours: number;
  readonly #poller: Poller;
  #waiting: Watch | undefined;
  #closed = false;

  constructor(poller: Poller) {
    const { ours, theirs } = socketPair("seqpacket");
    this.fd = theirs;
    this.#ours = ours;
    this.#poller = poller;
  }

  send(message: Bytes): void {
    writeSync(this.#ours, message);
  }

  /** The next message of the front end; empty when it has closed its side. */
  async receive(): Promise<Bytes> {
    await this.#readable();
    const buffer = new Uint8Array(MESSAGE_SIZE);
    try {
      return buffer.slice(0, readSync(this.#ours, buffer));
    } catch {
      return EMPTY; // closed while messages to it were under way
    }
  }

  async exchange(message: Bytes): Promise<Bytes> {
    this.send(message);
    return this.receive();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#waiting?.stop();
    closeSync(this.#ours);
  }

  #readable(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting = this.#poller.watch(this.#ours, () => {
        this.#waiting?.stop();
        resolve();
      });
    });
  }
}
