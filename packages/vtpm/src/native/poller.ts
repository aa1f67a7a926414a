import { closeSync, writeSync } from "node:fs";
import type { Worker } from "node:worker_threads";
import { createPipe } from "./descriptor.ts";
import { controlEpoll, createEpoll, EPOLL, EPOLL_CTL, type ReadyDescriptor } from "./epoll.ts";
import type { PollWorkerData } from "./poll-worker.ts";

const WORKER = new URL("./poll-worker.js", import.meta.url);
/** The entry that ends the thread; those of watches are counted from here. */
const END = 0;

/** What a descriptor is ready for. */
export interface Readiness {
  /** Reading does not block: there is something, or the end. */
  readonly readable: boolean;
  /** Nobody is on the other side any more, or the descriptor is broken. */
  readonly hungUp: boolean;
}

/** A descriptor that is being watched. */
export interface Watch {
  /** Waits for the next time the descriptor is ready. */
  rearm(): void;
  /** Ends it: the descriptor may be closed, and nothing more is reported. */
  stop(): void;
}

interface Entry {
  readonly fd: number;
  readonly onReady: (readiness: Readiness) => void;
}

export interface PollerOptions {
  /** The module that the thread runs. */
  readonly worker?: URL;
}

/**
 * Waits for any number of descriptors that Node.js cannot wait for: character devices, anonymous inodes, sockets whose
 * messages bring descriptors. One thread does the waiting. It must be closed, or it keeps the process alive as long as
 * something is watched.
 */
export class Poller {
  readonly #epoll: number;
  readonly #pipe: { readonly read: number; readonly write: number };
  readonly #thread: Worker;
  readonly #ended: Promise<void>;
  /** Resolves when the thread needs no more files, so that the process may give up its access to them. */
  readonly started: Promise<void>;
  readonly #watched = new Map<number, Entry>();
  #lastId = END;
  /** A thread that waits in the kernel is not ended by the end of the process, which would wait for it instead. */
  readonly #wake = (): void => void writeSync(this.#pipe.write, "x");

  /** Throws a `NativeError` where this cannot be done. */
  constructor({ worker = WORKER }: PollerOptions = {}) {
    this.#epoll = createEpoll();
    this.#pipe = createPipe();
    controlEpoll(this.#epoll, EPOLL_CTL.ADD, this.#pipe.read, EPOLL.IN, END);
    const workerData: PollWorkerData = { epoll: this.#epoll, end: END };
    const { Worker: Thread } = process.getBuiltinModule("node:worker_threads");
    this.#thread = new Thread(worker, { workerData });
    this.#thread.unref();
    this.#thread.on("message", (ready: readonly ReadyDescriptor[]) => this.#report(ready));
    this.#ended = new Promise((resolve) => this.#thread.once("exit", () => resolve()));
    this.started = new Promise((resolve) => this.#thread.once("message", () => resolve()));
    process.once("exit", this.#wake);
  }

  /**
   * Calls `onReady` once the descriptor can be read or is hung up. Then it is not looked at until `rearm`, so whoever has
   * enough to do is not told of more.
   */
  watch(fd: number, onReady: (readiness: Readiness) => void): Watch {
    const id = ++this.#lastId;
    const events = EPOLL.IN | EPOLL.ONESHOT;
    controlEpoll(this.#epoll, EPOLL_CTL.ADD, fd, events, id);
    this.#watched.set(id, { fd, onReady });
    this.#thread.ref();
    return {
      rearm: () => {
        if (this.#watched.has(id)) controlEpoll(this.#epoll, EPOLL_CTL.MOD, fd, events, id);
      },
      stop: () => this.#stop(id),
    };
  }

  /** Ends all watches and the thread. */
  async close(): Promise<void> {
    for (const id of [...this.#watched.keys()]) this.#stop(id);
    process.off("exit", this.#wake);
    this.#wake();
    this.#thread.ref();
    await this.#ended;
    for (const fd of [this.#epoll, this.#pipe.read, this.#pipe.write]) closeSync(fd);
  }

  #stop(id: number): void {
    const entry = this.#watched.get(id);
    if (entry === undefined) return;
    this.#watched.delete(id);
    controlEpoll(this.#epoll, EPOLL_CTL.DEL, entry.fd);
    if (this.#watched.size === 0) this.#thread.unref();
  }

  #report(ready: readonly ReadyDescriptor[]): void {
    for (const { id, events } of ready) {
      // What was reported when its watch had been ended already is of no interest.
      this.#watched.get(id)?.onReady({
        readable: (events & EPOLL.IN) !== 0,
        hungUp: (events & (EPOLL.HUP | EPOLL.ERR)) !== 0,
      });
    }
  }
}
