import { type Bytes, concatBytes } from "@vtpm/wire";
import {
  FUSE,
  IN_HEADER,
  INIT_IN,
  INTERRUPT_IN,
  IOCTL_IN,
  IOCTL_OUT,
  OPEN_IN,
  OUT_HEADER,
  POLL_IN,
  POLL_OUT,
  RELEASE_IN,
  TRANSFER_IN,
} from "../kernel/cuse/fuse-message.ts";
import type { MessageDescriptor } from "./message-descriptor.ts";

const O_RDWR = 2;

export interface FuseReply {
  /** 0, or the negative number of an error. */
  readonly error: number;
  readonly body: Bytes;
}

/** What the kernel says on /dev/cuse, on behalf of programs that use the device. */
export class FuseKernel {
  readonly #descriptor: MessageDescriptor;
  readonly #pending = new Map<bigint, (reply: FuseReply) => void>();
  #lastUnique = 0n;
  #notified: (handle: bigint) => void = () => {};

  constructor(descriptor: MessageDescriptor) {
    this.#descriptor = descriptor;
    void this.#pump();
  }

  /** Resolves with the handle of the next poll that is reported as ready. */
  wakeup(): Promise<bigint> {
    return new Promise((resolve) => {
      this.#notified = resolve;
    });
  }

  /** Sends a request. `unique` names it, for an interruption; it is the next number unless chosen. */
  send(
    opcode: number,
    body: Bytes = new Uint8Array(0),
    chosen?: bigint,
  ): { readonly unique: bigint; readonly reply: Promise<FuseReply> } {
    if (chosen === undefined) this.#lastUnique += 2n;
    const unique = chosen ?? this.#lastUnique;
    const reply = new Promise<FuseReply>((resolve) => this.#pending.set(unique, resolve));
    const header = IN_HEADER.encode({ len: IN_HEADER.size + body.length, opcode, unique, nodeid: 1n, pid: 1000 });
    this.#descriptor.send(concatBytes(header, body));
    return { unique, reply };
  }

  init(major = 7, minor = 38): Promise<FuseReply> {
    return this.send(FUSE.CUSE_INIT, INIT_IN.encode({ major, minor, flags: 1 })).reply;
  }

  async open(): Promise<number> {
    return (await this.send(FUSE.OPEN, OPEN_IN.encode({ flags: O_RDWR })).reply).error;
  }

  async release(): Promise<number> {
    return (await this.send(FUSE.RELEASE, RELEASE_IN.encode({ fh: 1n })).reply).error;
  }

  write(data: Bytes): Promise<FuseReply> {
    return this.send(FUSE.WRITE, concatBytes(TRANSFER_IN.encode({ fh: 1n, size: data.length }), data)).reply;
  }

  read(size = 4096, flags = 0): { readonly unique: bigint; readonly reply: Promise<FuseReply> } {
    return this.send(FUSE.READ, TRANSFER_IN.encode({ fh: 1n, size, flags }));
  }

  interrupt(unique: bigint): void {
    const body = INTERRUPT_IN.encode({ unique });
    const header = IN_HEADER.encode({ len: IN_HEADER.size + body.length, opcode: FUSE.INTERRUPT, unique: unique | 1n });
    this.#descriptor.send(concatBytes(header, body));
  }

  /** What is ready now; with a handle, what becomes ready is reported. */
  async poll(handle?: bigint): Promise<number> {
    const body = POLL_IN.encode({ fh: 1n, kh: handle ?? 0n, flags: handle === undefined ? 0 : 1 });
    return POLL_OUT.decode((await this.send(FUSE.POLL, body).reply).body).revents;
  }

  /** An ioctl by its number; what is copied is what that says. */
  async ioctl(number: number, structure: Bytes = new Uint8Array(0)): Promise<FuseReply> {
    const size = (number >>> 16) & 0x3fff;
    const input = new Uint8Array((number & 0x4000_0000) === 0 ? 0 : size);
    input.set(structure);
    const head = IOCTL_IN.encode({ fh: 1n, cmd: number, inSize: input.length, outSize: size });
    const { error, body } = await this.send(FUSE.IOCTL, concatBytes(head, input)).reply;
    return { error, body: body.subarray(IOCTL_OUT.size) };
  }

  async #pump(): Promise<void> {
    for (;;) {
      const message = await this.#descriptor.receive();
      if (message.length === 0) return;
      const { error, unique } = OUT_HEADER.decode(message);
      const body = message.slice(OUT_HEADER.size);
      if (unique === 0n) this.#notified(new DataView(body.buffer).getBigUint64(0, true));
      else {
        this.#pending.get(unique)?.({ error, body });
        this.#pending.delete(unique);
      }
    }
  }
}
