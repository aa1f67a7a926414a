import { closeSync, readSync, writeSync } from "node:fs";
import type { Bytes } from "@vtpm/wire";
import { isPassing } from "../host-error.ts";
import type { Poller, Watch } from "../native/poller.ts";
import type { CommandPort } from "../server/command-port.ts";

/** Bytes of the largest message that the kernel's TPM drivers exchange; one that reads less loses nothing, but gets stuck. */
const MESSAGE_SIZE = 4096;

export interface CommandDeviceOptions {
  /** Each read of it is a command, each write to it a response. It is closed in the end. */
  readonly fd: number;
  readonly port: CommandPort;
  readonly poller: Poller;
  /** Told when the other side has ended it; `close` is still to be called. */
  readonly onHangUp?: () => void;
}

/**
 * A TPM at the other end of a descriptor: takes one command at a time, so what comes meanwhile waits in the kernel. It has
 * no notion of clients; whether somebody still waits for a response is the kernel's business.
 */
export class CommandDevice {
  readonly #fd: number;
  readonly #port: CommandPort;
  readonly #watch: Watch;
  readonly #onHangUp: () => void;
  readonly #buffer: Bytes = new Uint8Array(MESSAGE_SIZE);
  #closed = false;

  constructor({ fd, port, poller, onHangUp }: CommandDeviceOptions) {
    this.#fd = fd;
    this.#port = port;
    this.#onHangUp = onHangUp ?? (() => {});
    try {
      this.#watch = poller.watch(fd, ({ readable }) => (readable ? this.#take() : this.#onHangUp()));
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }

  /** Closes the descriptor, at once: a response that is not there yet finds nobody. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#watch.stop();
    closeSync(this.#fd);
  }

  #take(): void {
    const size = this.#read();
    if (size === undefined) this.#watch.rearm();
    else if (size === 0) this.#onHangUp();
    else this.#port.submit(this.#buffer.slice(0, size), (response) => this.#answer(response));
  }

  /** Bytes of the command; 0 when there will be no more, nothing if somebody else has taken it. */
  #read(): number | undefined {
    try {
      return readSync(this.#fd, this.#buffer);
    } catch (error) {
      return isPassing(error) ? undefined : 0; // otherwise the device is gone
    }
  }

  #answer(response: Bytes): void {
    if (this.#closed) return;
    try {
      writeSync(this.#fd, response);
    } catch {
      // The client has given up waiting. If instead the device is gone, the watch says so.
    }
    this.#watch.rearm();
  }
}
