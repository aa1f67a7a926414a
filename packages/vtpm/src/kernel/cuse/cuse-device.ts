import { closeSync, readSync, writeSync } from "node:fs";
import { constants as os } from "node:os";
import type { Bytes } from "@vtpm/wire";
import { isPassing, systemErrorCode } from "../../host-error.ts";
import type { Poller, Watch } from "../../native/poller.ts";
import type { Control } from "../../server/control.ts";
import { BlobTransfer } from "./blob-transfer.ts";
import {
  errorReply,
  FUSE,
  type FuseRequest,
  INIT_IN,
  INIT_OUT,
  INIT_OUT_SPARE,
  INTERRUPT_IN,
  IOCTL_IN,
  IOCTL_OUT,
  OPEN_OUT,
  POLL_IN,
  parseRequest,
  reply,
  TRANSFER_IN,
} from "./fuse-message.ts";
import { ptmIoctl } from "./ptm-ioctls.ts";
import { TpmFile } from "./tpm-file.ts";

/** The version of the protocol spoken here, and the oldest minor one of the kernel's that has devices. */
const VERSION = { major: 7, minor: 31, oldestMinor: 11 } as const;
/** Bytes of one transfer; a command fits into it, and the kernel cuts what is longer. */
const TRANSFER_SIZE = 16384;
/** The kernel insists on room for a transfer and its headers. */
const BUFFER_SIZE = TRANSFER_SIZE + 4096;
/** Reads and writes are not cached, and there is no position in the file. */
const OPEN_FLAGS = (1 << 0) | (1 << 4); // FOPEN_DIRECT_IO | FOPEN_STREAM
const POLL_SCHEDULE_NOTIFY = 1 << 0;

/** A device to be made. */
export interface CuseDeviceOptions {
  /** Of /dev/NAME. */
  readonly name: string;
  /** Its number; the kernel chooses if it is absent. */
  readonly major?: number | undefined;
  readonly minor?: number | undefined;
  /** An open /dev/cuse, which must not block. It is closed in the end. */
  readonly fd: number;
  readonly control: Control;
  readonly poller: Poller;
  /** Told once: when the device is there. */
  readonly onReady: () => void;
  /** Told when the kernel has ended it, or never begun; `close` is still to be called. */
  readonly onEnd: () => void;
}

/**
 * A character device of the kernel whose files are handled here. Only one program has it open at a time. Requests are answered
 * in any order, so none is waited for.
 */
export class CuseDevice {
  readonly #options: CuseDeviceOptions;
  readonly #watch: Watch;
  readonly #buffer: Bytes = new Uint8Array(BUFFER_SIZE);
  #file: TpmFile | undefined;
  #blobs = new BlobTransfer();
  /** CUSE_INIT is answered, and whether there is a device now is not known yet. */
  #initialized = false;
  #closed = false;

  constructor(options: CuseDeviceOptions) {
    this.#options = options;
    try {
      this.#watch = options.poller.watch(options.fd, () => this.#receive());
    } catch (error) {
      closeSync(options.fd);
      throw error;
    }
  }

  /** Removes the device at once; what programs have under way ends with an error. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#file?.close();
    this.#watch.stop();
    closeSync(this.#options.fd);
  }

  #receive(): void {
    const message = this.#read();
    if (message === "the end") {
      this.#options.onEnd();
      return;
    }
    if (this.#initialized) {
      this.#initialized = false;
      this.#options.onReady();
    }
    const request = message === undefined ? undefined : parseRequest(message);
    if (request !== undefined) this.#answer(request);
    if (this.#closed) return;
    // The kernel makes the device while it takes the answer to CUSE_INIT, and tells those who read if it could not.
    if (request?.opcode === FUSE.CUSE_INIT) this.#receive();
    else this.#watch.rearm();
  }

  /** A message of the kernel; nothing if it was taken back meanwhile. */
  #read(): Bytes | undefined | "the end" {
    try {
      const size = readSync(this.#options.fd, this.#buffer);
      return size === 0 ? "the end" : this.#buffer.slice(0, size);
    } catch (error) {
      return isPassing(error) || systemErrorCode(error) === "ENOENT" ? undefined : "the end";
    }
  }

  #answer(request: FuseRequest): void {
    const { opcode, unique, body } = request;
    try {
      if (opcode === FUSE.CUSE_INIT) this.#init(request);
      else if (opcode === FUSE.OPEN) this.#open(unique);
      else if (opcode === FUSE.INTERRUPT) this.#file?.interrupt(INTERRUPT_IN.decode(body).unique);
      else if (this.#file === undefined) this.#send(errorReply(unique, os.errno.EBADF));
      else this.#answerFile(this.#file, request);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      this.#send(errorReply(unique, os.errno.EINVAL)); // shorter than its structure
    }
  }

  /** What is done with the open file. */
  #answerFile(file: TpmFile, { opcode, unique, body }: FuseRequest): void {
    switch (opcode) {
      case FUSE.READ: {
        const { size, flags } = TRANSFER_IN.decode(body);
        file.read(unique, size, flags);
        break;
      }
      case FUSE.WRITE: {
        const { size } = TRANSFER_IN.decode(body);
        const data = body.slice(TRANSFER_IN.size, TRANSFER_IN.size + size);
        if (data.length === size) file.write(unique, data);
        else this.#send(errorReply(unique, os.errno.EINVAL));
        break;
      }
      case FUSE.IOCTL:
        this.#ioctl(unique, body);
        break;
      case FUSE.POLL: {
        const { kh, flags } = POLL_IN.decode(body);
        file.poll(unique, (flags & POLL_SCHEDULE_NOTIFY) === 0 ? undefined : kh);
        break;
      }
      case FUSE.RELEASE:
        file.close();
        this.#file = undefined;
        this.#send(reply(unique));
        break;
      case FUSE.FSYNC:
      case FUSE.FLUSH:
        this.#send(reply(unique));
        break;
      default:
        this.#send(errorReply(unique, os.errno.ENOSYS));
    }
  }

  #init({ unique, body }: FuseRequest): void {
    const { major, minor } = INIT_IN.decode(body);
    if (major !== VERSION.major || minor < VERSION.oldestMinor) {
      this.#send(errorReply(unique, os.errno.EPROTO));
      return;
    }
    // Restricted ioctls (no flag set): their numbers say what is to be copied, so each takes one message and not two.
    const device = {
      major: VERSION.major,
      minor: Math.min(minor, VERSION.minor),
      maxRead: TRANSFER_SIZE,
      maxWrite: TRANSFER_SIZE,
      devMajor: this.#options.major ?? 0,
      devMinor: this.#options.minor ?? 0,
    };
    const name = new TextEncoder().encode(`DEVNAME=${this.#options.name}\0`);
    this.#send(reply(unique, INIT_OUT.encode(device, INIT_OUT_SPARE), name));
    this.#initialized = true;
  }

  #open(unique: bigint): void {
    if (this.#file !== undefined) {
      this.#send(errorReply(unique, os.errno.EBUSY));
      return;
    }
    this.#blobs = new BlobTransfer();
    this.#file = new TpmFile(this.#options.control.host, this.#blobs, (message) => this.#send(message));
    this.#send(reply(unique, OPEN_OUT.encode({ fh: 1n, openFlags: OPEN_FLAGS })));
  }

  #ioctl(unique: bigint, body: Bytes): void {
    const { cmd, inSize, outSize } = IOCTL_IN.decode(body);
    const input = body.slice(IOCTL_IN.size, IOCTL_IN.size + inSize);
    const context = { control: this.#options.control, blobs: this.#blobs };
    ptmIoctl(context, cmd, input).then(
      (output) => {
        if (output === undefined) this.#send(errorReply(unique, os.errno.EINVAL));
        else this.#send(reply(unique, IOCTL_OUT.encode({ result: 0 }), output.subarray(0, outSize)));
      },
      () => this.#send(errorReply(unique, os.errno.EIO)),
    );
  }

  #send(message: Bytes): void {
    if (this.#closed) return;
    try {
      writeSync(this.#options.fd, message);
    } catch {
      // Whoever asked was interrupted and is gone. If the device is, the watch says so.
    }
  }
}
