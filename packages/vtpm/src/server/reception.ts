import { type ClientStream, Conversation, type ConversationOptions, type Session } from "./conversation.ts";

/** What is spoken with clients. */
export interface Service extends ConversationOptions {
  /** The protocol, for a new client. */
  readonly createSession: () => Session;
  /** A client is gone. */
  readonly onEnd?: (() => void) | undefined;
}

export interface ReceptionOptions {
  /** Clients that are served at once; more wait for their turn. */
  readonly places?: number;
}

/** Clients that are served at once, unless fewer are wanted. */
const MAX_CLIENTS = 1024;
/** Clients that wait; more are turned away. */
const MAX_WAITING = 128;

/**
 * Lets clients in as there are places. Until there is a service all of them wait, so they may come before the TPM is there.
 */
export class Reception {
  readonly #places: number;
  readonly #served = new Map<ClientStream, Conversation>();
  #waiting: ClientStream[] = [];
  #service: Service | undefined;
  #closed = false;

  constructor({ places = MAX_CLIENTS }: ReceptionOptions = {}) {
    this.#places = places;
  }

  /** A client has come; nothing may have been read from it. */
  admit(stream: ClientStream): void {
    if (this.#closed || this.#waiting.length >= MAX_WAITING) {
      stream.destroy();
      return;
    }
    stream.on("error", () => stream.destroy());
    this.#waiting.push(stream);
    this.#next();
  }

  /** From now on clients are served. */
  open(service: Service): void {
    this.#service = service;
    this.#next();
  }

  /** Lets nobody in any more, and ends each conversation when the request in hand has been answered. */
  close(): void {
    this.#closed = true;
    for (const stream of this.#waiting.splice(0)) stream.destroy();
    for (const conversation of this.#served.values()) conversation.close();
  }

  #next(): void {
    const service = this.#service;
    while (service !== undefined && this.#served.size < this.#places) {
      const stream = this.#waiting.shift();
      if (stream === undefined) break;
      if (stream.destroyed) continue;
      stream.once("close", () => {
        this.#served.delete(stream);
        service.onEnd?.();
        this.#next();
      });
      this.#served.set(stream, new Conversation(stream, service.createSession(), service));
    }
  }
}
