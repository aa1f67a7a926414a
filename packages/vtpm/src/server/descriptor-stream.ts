import { closeSync, writeSync } from "node:fs";
import { Socket } from "node:net";
import { Duplex } from "node:stream";
import { isPassing, systemErrorCode } from "../host-error.ts";
import type { Poller, Watch } from "../native/poller.ts";
import { receiveMessage } from "../native/socket-message.ts";
import type { ClientStream } from "./conversation.ts";
import { DirectSocket, descriptorOf } from "./direct-socket.ts";

/** Bytes that are read at once: more than any command, so that a datagram is read whole. */
const READ_SIZE = 0x10000;
/** Milliseconds until something that found no room is written again. */
const RETRY_MS = 5;

/** How a descriptor is written to and closed. */
interface Far {
  write(bytes: Uint8Array, done: (error?: Error | null) => void): void;
  close(done: () => void): void;
}

/**
 * A descriptor that a poller waits for, as a stream: what Node.js has no stream for, or what brings descriptors that its
 * streams would drop. One read is one chunk, so that datagrams stay what they are.
 */
export class DescriptorStream extends Duplex implements ClientStream {
  readonly #fd: number;
  readonly #far: Far;
  readonly #watch: Watch;
  #descriptors: number[] = [];

  readonly #emptyIsEnd: boolean;

  private constructor(fd: number, poller: Poller, far: Far, emptyIsEnd = true) {
    super({ readableObjectMode: true, readableHighWaterMark: 1, allowHalfOpen: true });
    this.#fd = fd;
    this.#far = far;
    this.#emptyIsEnd = emptyIsEnd;
    this.#watch = poller.watch(fd, ({ readable, hungUp }) => this.#ready(readable, hungUp));
  }

  /** A connected stream socket whose messages may bring descriptors. Nothing may have been read from it. */
  static ofSocket(socket: Socket, poller: Poller): DescriptorStream {
    const fd = descriptorOf(socket);
    const stream = new DescriptorStream(fd, poller, {
      write: (bytes, done) => void socket.write(bytes, done),
      close(done) {
        socket.once("close", done);
        socket.destroy();
      },
    });
    socket.on("error", (error) => stream.destroy(error));
    return stream;
  }

  /** A datagram socket. */
  static ofDatagrams(fd: number, poller: Poller): DescriptorStream {
    return new DescriptorStream(fd, poller, farOf(fd), false);
  }

  takeDescriptors(): readonly number[] {
    return this.#descriptors.splice(0);
  }

  override _read(): void {
    this.#watch.rearm();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#far.write(chunk, done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#watch.stop();
    for (const descriptor of this.takeDescriptors()) closeSync(descriptor);
    this.#far.close(() => done(error));
  }

  #ready(readable: boolean, hungUp: boolean): void {
    if (!readable) {
      if (hungUp) this.push(null);
      return;
    }
    try {
      const { data, descriptors } = receiveMessage(this.#fd, READ_SIZE);
      this.#descriptors.push(...descriptors);
      if (data.length > 0) this.push(Buffer.from(data.buffer, data.byteOffset, data.length));
      else if (this.#emptyIsEnd) this.push(null);
      else this.#watch.rearm();
    } catch (error) {
      const code = systemErrorCode(error);
      if (isPassing(error)) this.#watch.rearm();
      else if (code === "EPIPE" || code === "ECONNRESET") this.push(null);
      else this.destroy(error instanceof Error ? error : new Error(String(error)));
    }
  }
}

function farOf(fd: number): Far {
  let closed = false;
  const write: Far["write"] = (bytes, done) => {
    if (closed) return done(new Error("the stream is closed"));
    try {
      writeSync(fd, bytes);
    } catch (error) {
      // Whoever reads there is slow: the response is one piece and has to wait as a whole.
      if (systemErrorCode(error) === "EAGAIN") setTimeout(write, RETRY_MS, bytes, done);
      else done(error instanceof Error ? error : new Error(String(error)));
      return;
    }
    done();
  };
  return {
    write,
    close(done) {
      closed = true;
      closeSync(fd);
      done();
    },
  };
}

/** Opens a descriptor that was given as a connection, whatever kind of socket it is. Throws when it is none. */
export function connectionOf(fd: number, poller: () => Poller): ClientStream {
  const socket = streamSocketOf(() => DirectSocket.ofDescriptor(fd));
  return socket ?? DescriptorStream.ofDatagrams(fd, poller());
}

/** The same where descriptors may come with messages. */
export function messagesOf(fd: number, poller: Poller): ClientStream {
  const socket = streamSocketOf(() => new Socket({ fd, readable: false, writable: true, allowHalfOpen: true }));
  return socket === undefined ? DescriptorStream.ofDatagrams(fd, poller) : DescriptorStream.ofSocket(socket, poller);
}

/** `undefined` for a descriptor that Node.js has no stream for. */
function streamSocketOf<S extends Socket>(open: () => S): S | undefined {
  try {
    return open();
  } catch (error) {
    if (systemErrorCode(error) === "ERR_INVALID_FD_TYPE") return undefined;
    throw error;
  }
}
