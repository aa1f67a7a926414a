import { constants } from "node:fs";
import { constants as os } from "node:os";
import { type Bytes, EMPTY } from "@vtpm/wire";
import type { TpmHost } from "../../host/tpm-host.ts";
import type { BlobTransfer } from "./blob-transfer.ts";
import { errorReply, POLL_OUT, pollWakeup, reply, WRITE_OUT } from "./fuse-message.ts";

const POLLIN = 0x41; // POLLIN | POLLRDNORM
const POLLOUT = 0x104; // POLLOUT | POLLWRNORM

interface WaitingRead {
  readonly unique: bigint;
  readonly size: number;
}

/**
 * The device as a program has it open: each write is a command, and reading gives the response, in as many pieces as the
 * program likes. While a state blob is under way, reading and writing move the blob.
 */
export class TpmFile {
  readonly #host: TpmHost;
  readonly #blobs: BlobTransfer;
  readonly #send: (message: Bytes) => void;
  #response: Bytes = EMPTY;
  /** A command is being executed. */
  #executing = false;
  #reads: WaitingRead[] = [];
  readonly #polls = new Set<bigint>();
  #closed = false;

  constructor(host: TpmHost, blobs: BlobTransfer, send: (message: Bytes) => void) {
    this.#host = host;
    this.#blobs = blobs;
    this.#send = send;
  }

  write(unique: bigint, data: Bytes): void {
    if (this.#blobs.receiving) {
      const taken = this.#blobs.write(data);
      this.#send(taken ? reply(unique, WRITE_OUT.encode({ size: data.length })) : errorReply(unique, os.errno.EFBIG));
    } else if (this.#executing) {
      this.#send(errorReply(unique, os.errno.EBUSY));
    } else {
      this.#blobs.forget();
      this.#response = EMPTY;
      this.#executing = true;
      this.#send(reply(unique, WRITE_OUT.encode({ size: data.length })));
      this.#host.submit(data, (response) => this.#finish(response));
    }
  }

  read(unique: bigint, size: number, flags: number): void {
    if (this.#blobs.receiving) this.#send(errorReply(unique, os.errno.EIO));
    else if (this.#blobs.sending) this.#send(reply(unique, this.#blobs.read(size)));
    else if (!this.#executing) this.#send(reply(unique, this.#take(size)));
    else if ((flags & constants.O_NONBLOCK) !== 0) this.#send(errorReply(unique, os.errno.EAGAIN));
    else this.#reads.push({ unique, size });
  }

  /** `wakeup`: the handle by which the kernel wants to be told of the next change. */
  poll(unique: bigint, wakeup: bigint | undefined): void {
    const readable = this.#response.length > 0 || this.#blobs.sending;
    if (!readable && wakeup !== undefined) this.#polls.add(wakeup);
    this.#send(reply(unique, POLL_OUT.encode({ revents: readable ? POLLIN | POLLOUT : POLLOUT })));
  }

  /** The program that waits does not want to any more; what it waited for stays. */
  interrupt(unique: bigint): void {
    const left = this.#reads.filter((read) => read.unique !== unique);
    if (left.length === this.#reads.length) return; // answered already, or nothing that waits
    this.#reads = left;
    this.#send(errorReply(unique, os.errno.EINTR));
  }

  /** The program is gone. What it has begun is finished, and nobody is told. */
  close(): void {
    this.#closed = true;
    this.#blobs.forget();
  }

  #finish(response: Bytes): void {
    if (this.#closed) return;
    this.#executing = false;
    this.#response = response;
    for (const { unique, size } of this.#reads) this.#send(reply(unique, this.#take(size)));
    this.#reads = [];
    for (const handle of this.#polls) this.#send(pollWakeup(handle));
    this.#polls.clear();
  }

  #take(size: number): Bytes {
    const part = this.#response.subarray(0, size);
    this.#response = this.#response.subarray(part.length);
    return part;
  }
}
