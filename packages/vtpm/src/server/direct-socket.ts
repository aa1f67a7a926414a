import { writeSync } from "node:fs";
import { Socket, type SocketConstructorOpts } from "node:net";
import type { Bytes } from "@vtpm/wire";
import { acknowledge } from "../native/acknowledge.ts";
import type { ClientStream } from "./conversation.ts";

/** Bytes that are read at once: more than any command. */
const READ_SIZE = 0x10000;

/**
 * A connection past what Node.js's streams do for each chunk, which costs more than a short command. What is read comes in the
 * same memory every time, so that a chunk is only lent, and is not kept for somebody who listens later; what is written goes to
 * the system in the same call.
 */
export class DirectSocket extends Socket implements ClientStream {
  #canAcknowledge = process.platform === "linux";

  private constructor(source: SocketConstructorOpts | { readonly handle: object }) {
    const buffer = Buffer.alloc(READ_SIZE);
    const options = {
      ...{ allowHalfOpen: true, readable: true, writable: true },
      // As of those that a server accepts: nothing is read before somebody asks for it.
      pauseOnCreate: true,
      onread: { buffer, callback: (size: number) => this.emit("data", buffer.subarray(0, size)) },
      ...source,
    };
    super(options);
  }

  /** Takes over a connection that a server has accepted, of which nothing has been read; the server goes on counting it. */
  static ofAccepted(socket: Socket): DirectSocket {
    const direct = new DirectSocket({ handle: handleOf(socket) });
    // Node.js has no public way to have an accepted connection read into memory of ours. The handle has one owner at a time.
    Reflect.set(socket, "_handle", null);
    direct.once("close", () => socket.destroy());
    return direct;
  }

  /** A connected stream socket that was given as a descriptor. Throws when it is none. */
  static ofDescriptor(fd: number): DirectSocket {
    return new DirectSocket({ fd });
  }

  writeAtOnce(bytes: Bytes): Bytes {
    if (this.writableLength > 0) return bytes;
    try {
      return bytes.subarray(writeSync(descriptorOf(this), bytes));
    } catch {
      return bytes; // whoever writes it then meets the same, and knows what is to be done
    }
  }

  acknowledge(): void {
    if (!this.#canAcknowledge) return;
    try {
      acknowledge(descriptorOf(this));
    } catch {
      this.#canAcknowledge = false; // the client waits a little, as everywhere else
    }
  }
}

/** The descriptor of a socket; there is no public way to it. */
export function descriptorOf(socket: Socket): number {
  const fd: unknown = Reflect.get(handleOf(socket), "fd");
  if (typeof fd !== "number" || fd < 0) throw new Error("a socket without a descriptor");
  return fd;
}

function handleOf(socket: Socket): object {
  const handle: unknown = Reflect.get(socket, "_handle");
  if (typeof handle !== "object" || handle === null) throw new Error("a socket without a handle");
  return handle;
}
