import { closeSync } from "node:fs";
import type { Duplex } from "node:stream";
import { type Bytes, concatBytes, EMPTY } from "@vtpm/wire";
import type { Trace } from "../host/trace.ts";

/** How a session answers the request it has taken: exactly one of these, once, at once or later. */
export interface Client {
  /** Sends the response, if there is one, and goes on to the next request. */
  reply(response?: Bytes): void;
  /** The same, but ends the conversation. */
  hangUp(response?: Bytes): void;
  /** The descriptors that came with the request; they belong to the caller then. */
  takeDescriptors(): readonly number[];
}

/** A protocol as spoken with one client. */
export interface Session {
  /**
   * Takes one request off the front of `input`, or a part of one that need not be kept, and returns how many bytes that is;
   * zero if the request is not complete yet. `input` is only lent.
   */
  take(input: Bytes, client: Client): number;
  /** The client will send no more: the last response, if it is owed one for what it has begun. */
  cutOff?(): Bytes | undefined;
}

/** What a client is heard and answered through: a socket, or whatever else carries bytes. */
export interface ClientStream extends Duplex {
  /** The descriptors that have come so far, for streams that can bring some. */
  takeDescriptors?(): readonly number[];
  /** Gives the system what it takes at once, and returns the rest, which is to be written. Never throws. */
  writeAtOnce?(bytes: Bytes): Bytes;
  /** Tells the client at once that what it sent has come; the system would wait for an answer to go with it. Never throws. */
  acknowledge?(): void;
}

export interface ConversationOptions {
  /** Milliseconds within which a request must be complete; without it a client may take its time. */
  readonly completeWithinMs?: number | undefined;
  /** Whether a conversation is one request and its response. */
  readonly once?: boolean | undefined;
  /** Whether clients send a request in pieces, and its last piece only when the first has been acknowledged. */
  readonly inPieces?: boolean | undefined;
  readonly trace?: Trace | undefined;
}

/** Milliseconds that the end of a conversation waits for a client that does not read. */
const FAREWELL_MS = 1000;

/**
 * One client's requests, one at a time: the next is looked at when the one before it is answered, and the answer taken by
 * the system. So a client can make us keep no more than one read of the socket and one response.
 */
export class Conversation implements Client {
  readonly #stream: ClientStream;
  readonly #session: Session;
  readonly #options: ConversationOptions;
  #input: Bytes = EMPTY;
  /** A request is in hand, or its response not taken by the system yet. */
  #answering = false;
  #pumping = false;
  #taking = false;
  #early: readonly [response: Bytes | undefined] | undefined;
  /** The client will send no more. */
  #allSent = false;
  /** No more requests are taken. */
  #closing = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(stream: ClientStream, session: Session, options: ConversationOptions = {}) {
    this.#stream = stream;
    this.#session = session;
    this.#options = options;
    stream.on("data", (chunk: Buffer) => this.#receive(chunk));
    stream.on("end", () => this.#finish());
    stream.on("drain", () => this.#goOn());
    stream.on("error", () => stream.destroy()); // the client is gone; nobody is left to be told
    stream.on("close", () => {
      this.#stopTimer();
      this.#dropDescriptors();
    });
    stream.resume();
  }

  reply(response?: Bytes): void {
    // What is answered at once is sent when it is known which bytes the request was.
    if (this.#taking) this.#early = [response];
    else this.#send(response);
  }

  hangUp(response?: Bytes): void {
    this.#closing = true;
    this.reply(response);
  }

  takeDescriptors(): readonly number[] {
    return this.#stream.takeDescriptors?.() ?? [];
  }

  /** Takes no more requests, and ends the conversation when the one in hand has been answered. */
  close(): void {
    this.#closing = true;
    if (!this.#answering) this.#farewell();
    const timer = setTimeout(() => this.#stream.destroy(), FAREWELL_MS);
    this.#stream.once("close", () => clearTimeout(timer));
  }

  #receive(chunk: Buffer): void {
    const bytes = new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length);
    this.#input = this.#input.length === 0 ? bytes : concatBytes(this.#input, bytes);
    if (!this.#answering) this.#pump();
    // A chunk is only lent by some streams.
    if (this.#input.length > 0) this.#input = this.#input.slice();
  }

  /** The client has closed its side; what it sent before is still answered. */
  #finish(): void {
    this.#allSent = true;
    if (!this.#answering) this.#lastWord();
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
      this.#taking = true;
      const taken = this.#session.take(this.#input, this);
      this.#taking = false;
      if (taken === 0) {
        this.#answering = false;
        break;
      }
      this.#stopTimer();
      this.#dropDescriptors(); // those that the session has not taken
      this.#options.trace?.request(this.#input.subarray(0, taken));
      this.#input = this.#input.subarray(taken);
      const early = this.#early;
      this.#early = undefined;
      if (early !== undefined) this.#send(early[0]);
    }
    this.#pumping = false;
    if (this.#answering) this.#stream.pause();
    else if (this.#closing) this.#farewell();
    else if (this.#allSent) this.#lastWord();
    else this.#awaitInput();
  }

  /** What the client has begun to send will not become complete. */
  #lastWord(): void {
    const response = this.#session.cutOff?.();
    if (response !== undefined) this.#stream.write(response);
    this.#farewell();
  }

  #send(response: Bytes | undefined): void {
    if (response === undefined) {
      this.#goOn();
      return;
    }
    this.#options.trace?.response(response);
    if (this.#options.once) this.#closing = true;
    const rest = this.#stream.writeAtOnce?.(response) ?? response;
    if (rest.length === 0 || this.#stream.write(rest)) this.#goOn();
  }

  #awaitInput(): void {
    if (this.#stream.isPaused()) this.#stream.resume();
    if (this.#input.length === 0) return;
    this.#startTimer();
    if (this.#options.inPieces) this.#stream.acknowledge?.();
  }

  #startTimer(): void {
    if (this.#options.completeWithinMs === undefined) return;
    this.#timer ??= setTimeout(() => this.#stream.destroy(), this.#options.completeWithinMs);
  }

  #stopTimer(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #farewell(): void {
    this.#stopTimer();
    const stream = this.#stream;
    stream.end();
    if (stream.writableFinished) stream.destroy();
    else stream.once("finish", () => stream.destroy());
  }

  #dropDescriptors(): void {
    for (const descriptor of this.takeDescriptors()) closeSync(descriptor);
  }
}
