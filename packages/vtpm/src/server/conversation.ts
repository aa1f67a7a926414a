import type { Socket } from "node:net";
import { type Bytes, concatBytes, EMPTY } from "@vtpm/wire";

/** How a session answers the request it has taken: exactly one of these, once, at once or later. */
export interface Client {
  /** Sends the response, if there is one, and goes on to the next request. */
  reply(response?: Bytes): void;
  /** The same, but ends the conversation. */
  hangUp(response?: Bytes): void;
}

/** A protocol as spoken with one client. */
export interface Session {
  /**
   * Takes one request off the front of `input`, or a part of one that need not be kept, and returns how many bytes that is;
   * zero if the request is not complete yet. `input` is only lent.
   */
  take(input: Bytes, client: Client): number;
}

export interface ConversationOptions {
  /** Milliseconds within which a request must be complete; without it a client may take its time. */
  readonly completeWithinMs?: number;
}

/** Milliseconds that the end of a conversation waits for a client that does not read. */
const FAREWELL_MS = 1000;

/**
 * One client's requests, one at a time: the next is looked at when the one before it is answered, and the answer taken by
 * the system. So a client can make us keep no more than one read of the socket and one response.
 */
export class Conversation implements Client {
  readonly #socket: Socket;
  readonly #session: Session;
  readonly #completeWithinMs: number | undefined;
  #input: Bytes = EMPTY;
  /** A request is in hand, or its response not taken by the system yet. */
  #answering = false;
  #pumping = false;
  /** The client will send no more. */
  #allSent = false;
  /** No more requests are taken. */
  #closing = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(socket: Socket, session: Session, options: ConversationOptions = {}) {
    this.#socket = socket;
    this.#session = session;
    this.#completeWithinMs = options.completeWithinMs;
    socket.setNoDelay(true);
    socket.on("data", (chunk: Buffer) => this.#receive(chunk));
    socket.on("end", () => this.#finish());
    socket.on("drain", () => this.#goOn());
    socket.on("error", () => socket.destroy()); // the client is gone; nobody is left to be told
    socket.on("close", () => this.#stopTimer());
  }

  reply(response?: Bytes): void {
    if (response === undefined || this.#socket.write(response)) this.#goOn();
  }

  hangUp(response?: Bytes): void {
    this.#closing = true;
    this.reply(response);
  }

  /** Takes no more requests, and ends the conversation when the one in hand has been answered. */
  close(): void {
    this.#closing = true;
    if (!this.#answering) this.#farewell();
    const timer = setTimeout(() => this.#socket.destroy(), FAREWELL_MS);
    this.#socket.once("close", () => clearTimeout(timer));
  }

  #receive(chunk: Buffer): void {
    const bytes = new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length);
    this.#input = this.#input.length === 0 ? bytes : concatBytes(this.#input, bytes);
    if (!this.#answering) this.#pump();
  }

  /** The client has closed its side; what it sent before is still answered. */
  #finish(): void {
    this.#allSent = true;
    if (!this.#answering) this.#farewell();
  }

  /** The response is on its way. */
  #goOn(): void {
    this.#answering = false;
    if (!this.#pumping) this.#pump();
  }

  #pump(): void {
    this.#pumping = true;
    while (!this.#answering && !this.#closing && this.#input.length > 0) {
      this.#answering = true;
      const taken = this.#session.take(this.#input, this);
      if (taken === 0) {
        this.#answering = false;
        break;
      }
      this.#stopTimer();
      this.#input = this.#input.subarray(taken);
    }
    this.#pumping = false;
    if (this.#answering) this.#socket.pause();
    else if (this.#closing || this.#allSent) this.#farewell();
    else this.#awaitInput();
  }

  #awaitInput(): void {
    if (this.#socket.isPaused()) this.#socket.resume();
    if (this.#input.length > 0) this.#startTimer();
  }

  #startTimer(): void {
    if (this.#completeWithinMs === undefined) return;
    this.#timer ??= setTimeout(() => this.#socket.destroy(), this.#completeWithinMs);
  }

  #stopTimer(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #farewell(): void {
    this.#stopTimer();
    this.#socket.destroySoon();
  }
}
