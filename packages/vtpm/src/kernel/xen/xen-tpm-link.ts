import { errorResponse, TPM_RC } from "@vtpm/tpm2";
import type { Bytes } from "@vtpm/wire";
import type { EventChannel, GrantedPage, Hypervisor } from "./hypervisor.ts";
import type { DomainTpm } from "./tpm-by-uuid.ts";
import { answerTpm12, isTpm12Command } from "./tpm12-shim.ts";
import {
  capacityOf,
  PAGE_STATE,
  type PageRequest,
  pageState,
  readPacket,
  readRequest,
  setPageState,
  writePacket,
} from "./tpmif-page.ts";

/** Localities that software may use; 4 is the hardware's. */
const MAX_LOCALITY = 3;

/** What a connected front end shares with us. */
export interface LinkOptions {
  readonly domain: number;
  readonly ringRef: number;
  readonly eventChannel: number;
}

/**
 * The shared page of one front end: takes a command when the page says that there is one, and puts the response in its place.
 * The front end may write anything at any moment; it harms nobody but itself.
 */
export class XenTpmLink {
  readonly #hypervisor: Hypervisor;
  readonly #options: LinkOptions;
  readonly #tpm: DomainTpm;
  readonly #page: GrantedPage;
  readonly #channel: EventChannel;
  /** The page is not touched any more. */
  #closed = false;
  /** No more commands are taken. */
  #leaving = false;
  #command: Promise<void> | undefined;

  /** Maps the page and binds the event channel; throws a `XenError` if the domain does not grant them. */
  constructor(hypervisor: Hypervisor, tpm: DomainTpm, options: LinkOptions) {
    const { domain, ringRef, eventChannel } = options;
    this.#hypervisor = hypervisor;
    this.#options = options;
    this.#tpm = tpm;
    this.#page = hypervisor.mapPage(domain, ringRef);
    try {
      this.#channel = hypervisor.bindEventChannel(domain, eventChannel, () => this.look());
    } catch (error) {
      this.#page.unmap();
      throw error;
    }
  }

  /** Whether this is the link by this page and event channel. */
  uses(ringRef: number, eventChannel: number): boolean {
    return this.#options.ringRef === ringRef && this.#options.eventChannel === eventChannel;
  }

  /** Looks at the page: after an event, and once at first, since the first event may have come before the binding. */
  look(): void {
    if (this.#closed || this.#leaving) return;
    const state = pageState(this.#page.bytes);
    if (state === PAGE_STATE.SUBMIT && this.#command === undefined) {
      this.#command = this.#serve().finally(() => {
        this.#command = undefined;
        // What was submitted meanwhile, against the rules, is not left lying; but others come first, and the domain does not
        // keep this thread busy by submitting without end.
        setImmediate(() => this.look());
      });
    } else if (state === PAGE_STATE.CANCEL) {
      if (this.#command === undefined) this.#give(PAGE_STATE.IDLE);
      else this.#tpm.cancel();
    }
  }

  /** Ends it; the command in hand is cancelled if it is a long one, and its response is lost. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#tpm.cancel();
    await this.#command;
    this.#letGo();
  }

  /** Ends it after the response to the command in hand; one that is submitted later stays in the page for who comes next. */
  async leave(): Promise<void> {
    this.#leaving = true;
    await this.#command;
    this.#closed = true;
    this.#letGo();
  }

  #letGo(): void {
    try {
      this.#channel.unbind();
    } finally {
      this.#page.unmap();
    }
  }

  async #serve(): Promise<void> {
    const request = readRequest(this.#page.bytes);
    const extra: GrantedPage[] = [];
    try {
      for (const grant of request.extraGrants) extra.push(this.#hypervisor.mapPage(this.#options.domain, grant));
      const pages = [this.#page.bytes, ...extra.map(({ bytes }) => bytes)];
      const response = await this.#respond(pages, request);
      if (this.#closed) return;
      writePacket(pages, request, response);
    } catch {
      // A grant that is none: there is no room for a response, so none is given.
      if (this.#closed) return;
      this.#give(PAGE_STATE.IDLE);
      return;
    } finally {
      for (const page of extra) page.unmap();
    }
    this.#give(PAGE_STATE.FINISH);
  }

  async #respond(pages: readonly Bytes[], request: PageRequest): Promise<Bytes> {
    if (request.length > capacityOf(request)) return errorResponse(TPM_RC.COMMAND_SIZE);
    const { locality } = request;
    if (locality > MAX_LOCALITY) return errorResponse(TPM_RC.LOCALITY);
    const command = readPacket(pages, request);
    const execute = (bytes: Bytes): Promise<Bytes> => this.#tpm.execute(bytes, locality);
    const response = isTpm12Command(command) ? await answerTpm12(command, execute) : await execute(command);
    return response.length <= capacityOf(request) ? response : errorResponse(TPM_RC.SIZE);
  }

  #give(state: number): void {
    setPageState(this.#page.bytes, state);
    this.#channel.notify();
  }
}
