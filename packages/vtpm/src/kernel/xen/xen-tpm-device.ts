import { reasonOf } from "../../host-error.ts";
import type { Hypervisor } from "./hypervisor.ts";
import type { DomainTpm, OpenDomainTpm } from "./tpm-by-uuid.ts";
import { XenError } from "./xen-error.ts";
import { XenTpmLink } from "./xen-tpm-link.ts";
import { decimal, XENBUS_STATE, type XenbusState, xenbusState } from "./xenbus-state.ts";
import type { XenstoreAccess } from "./xenstore.ts";

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const MAX_WORD = 0xffff_ffff;
/** Characters of an error's text that fit into xenstore beside their path, whatever they are. */
const MAX_REASON_SIZE = 500;

export interface DeviceOptions {
  readonly xenstore: XenstoreAccess;
  readonly hypervisor: Hypervisor;
  readonly openTpm: OpenDomainTpm;
  /** The back end's node in xenstore. */
  readonly path: string;
  readonly domain: number;
  /** Told what a person might want to know. */
  readonly onNote: (text: string) => void;
  /** Told why a device could not be served, or what went wrong at its end. */
  readonly onFault: (error: unknown) => void;
}

/**
 * The back end of one vtpm device. Each change in xenstore makes it look at both ends' states and bring its own in line; looks
 * follow one another, however many changes there are.
 */
export class XenTpmDevice {
  readonly #options: DeviceOptions;
  #frontend = "";
  #tpm: DomainTpm | undefined;
  #link: XenTpmLink | undefined;
  #unwatch: (() => Promise<void>)[] = [];
  #looking: Promise<void> | undefined;
  #lookAgain = false;
  /** The front end has closed, or is about to: a domain that is saved or destroyed does not come to that. */
  #closedByDomain = false;
  #ended = false;
  /** Resolves when the device is no more. */
  readonly gone: Promise<void>;
  #resolveGone: () => void = () => {};

  constructor(options: DeviceOptions) {
    this.#options = options;
    this.gone = new Promise((resolve) => {
      this.#resolveGone = resolve;
    });
  }

  /** Takes the device up, in whatever state it is: a back end before this one may have served it. */
  start(): void {
    this.#look();
  }

  /** Ends serving and leaves everything as it is for the next back end. Rejects if the TPM's state could not be kept. */
  async leave(): Promise<void> {
    this.#ended = true;
    await this.#looking;
    await this.#stopWatching();
    try {
      await this.#link?.leave();
    } finally {
      await this.#tpm?.suspend();
    }
  }

  async #takeUp(): Promise<void> {
    const { xenstore, path, openTpm } = this.#options;
    const frontend = await xenstore.read(`${path}/frontend`);
    if (frontend === undefined) throw new XenError("XEN_DEVICE", "xenstore does not say where its front end is");
    this.#frontend = frontend;
    const uuid = await this.#uuid();
    await xenstore.write(`${path}/feature-protocol-v2`, "1");
    this.#tpm = await openTpm(uuid);
    const onChange = (): void => this.#look();
    for (const end of [frontend, path]) this.#unwatch.push(await xenstore.watch(`${end}/state`, onChange));
    const own = xenbusState(await xenstore.read(`${path}/state`));
    if (own === XENBUS_STATE.INITIALISING) await this.#setState(XENBUS_STATE.INIT_WAIT);
  }

  async #uuid(): Promise<string> {
    const { xenstore, path } = this.#options;
    const uuid = (await xenstore.read(`${path}/uuid`))?.toLowerCase();
    if (uuid === undefined || !UUID.test(uuid)) {
      throw new XenError(
        "XEN_DEVICE",
        `its uuid in xenstore is ${JSON.stringify(uuid ?? null)}: name one in the domain's configuration`,
      );
    }
    return uuid;
  }

  /** One look at a time; what changes during a look is seen by one more. */
  #look(): void {
    this.#lookAgain = true;
    this.#looking ??= this.#lookUntilStill().finally(() => {
      this.#looking = undefined;
    });
  }

  async #lookUntilStill(): Promise<void> {
    while (this.#lookAgain && !this.#ended) {
      this.#lookAgain = false;
      try {
        if (this.#tpm === undefined) await this.#takeUp();
        else await this.#adapt();
      } catch (error) {
        await this.#giveUp(error);
      }
    }
  }

  async #adapt(): Promise<void> {
    const { xenstore, path } = this.#options;
    const own = xenbusState(await xenstore.read(`${path}/state`));
    const other = xenbusState(await xenstore.read(`${this.#frontend}/state`));
    if (own === undefined) {
      await this.#end("its node was removed", { tell: false });
      return;
    }
    this.#closedByDomain =
      other === XENBUS_STATE.CLOSING || other === XENBUS_STATE.CLOSED || (other === undefined && this.#closedByDomain);
    switch (other) {
      case XENBUS_STATE.INITIALISING:
        // A front end begins anew on the same nodes: after a resume, or when its driver is loaded again.
        await this.#disconnect();
        if (own !== XENBUS_STATE.CLOSING) await this.#setState(XENBUS_STATE.INIT_WAIT, own);
        return;
      case XENBUS_STATE.INITIALISED:
      case XENBUS_STATE.CONNECTED:
        if (own === XENBUS_STATE.CLOSING) return; // the toolstack closes; the front end will follow
        await this.#connect();
        await this.#setState(XENBUS_STATE.CONNECTED, own);
        return;
      case XENBUS_STATE.CLOSING:
        await this.#disconnect();
        await this.#setState(XENBUS_STATE.CLOSING, own);
        return;
      case XENBUS_STATE.CLOSED:
        await this.#disconnect();
        // Offline: the toolstack takes the device away for good.
        if ((await xenstore.read(`${path}/online`)) !== "1") await this.#end("closed");
        // Linux' driver, when it is loaded again, takes a closed back end for one that is gone for good.
        else await this.#setState(XENBUS_STATE.INIT_WAIT, own);
        return;
      default:
        // No state: not written yet, or the front end's domain is gone while the toolstack closes.
        if (own === XENBUS_STATE.CLOSING) await this.#end("closed without a front end");
    }
  }

  /**
   * Connects to the page and the event channel that the front end names now: one that starts anew in a hurry has others, and
   * nobody may have seen it close.
   */
  async #connect(): Promise<void> {
    const { xenstore, hypervisor, domain, onNote, path } = this.#options;
    const tpm = this.#tpm;
    if (tpm === undefined) throw new XenError("XEN_DEVICE", "has no TPM any more");
    const read = (name: string): Promise<string | undefined> => xenstore.read(`${this.#frontend}/${name}`);
    const ringRef = decimal(await read("ring-ref"), MAX_WORD);
    const eventChannel = decimal(await read("event-channel"), MAX_WORD);
    const named = ringRef !== undefined && eventChannel !== undefined;
    // A front end that names nothing any more is being taken away.
    if (this.#link !== undefined && (!named || this.#link.uses(ringRef, eventChannel))) return;
    if ((await read("feature-protocol-v2")) !== "1") {
      throw new XenError("XEN_DEVICE", "its front end does not know version 2 of the protocol");
    }
    if (!named) throw new XenError("XEN_DEVICE", "its front end names no page or no event channel");
    await this.#disconnect();
    this.#link = new XenTpmLink(hypervisor, tpm, { domain, ringRef, eventChannel });
    onNote(`${path}: connected to domain ${domain}`);
    this.#link.look();
  }

  async #disconnect(): Promise<void> {
    const link = this.#link;
    this.#link = undefined;
    await link?.close();
  }

  /** Writes our state unless it is that already: every writing is a change that others look at. */
  async #setState(state: XenbusState, own?: number): Promise<void> {
    if (own === state) return;
    await this.#options.xenstore.write(`${this.#options.path}/state`, String(state));
  }

  /** A device that cannot be served is closed, and says why where Xen's tools look. */
  async #giveUp(error: unknown): Promise<void> {
    // Nobody can be told: whoever serves will end, and leave the device as it is.
    if (error instanceof XenError && error.code === "XENSTORE_UNAVAILABLE") return;
    const { xenstore, path, onFault } = this.#options;
    const reason = reasonOf(error);
    onFault(new XenError("XEN_DEVICE", `${path}: ${reason}`, { cause: error }));
    try {
      await xenstore.write(`${path.replace("/backend/", "/error/backend/")}/error`, reason.slice(0, MAX_REASON_SIZE));
    } catch (failure) {
      onFault(failure);
    }
    await this.#end("given up").catch(onFault);
  }

  /**
   * Gives everything up; only then says so to a toolstack that waits, since it may give the TPM to the domain's next life. Whoever
   * asks for the TPM meanwhile waits, too. Rejects, and is not gone, if the toolstack cannot be told.
   */
  async #end(why: string, { tell } = { tell: true }): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    const { xenstore, path, onNote, onFault } = this.#options;
    const released = this.#tpm?.release(this.#closedByDomain ? "ended" : "taken away");
    this.#tpm = undefined;
    const ends = await Promise.allSettled([released, this.#disconnect(), this.#stopWatching()]);
    for (const end of ends) if (end.status === "rejected") onFault(end.reason);
    // A node that was removed meanwhile must not come back.
    const own = tell ? xenbusState(await xenstore.read(`${path}/state`)) : undefined;
    if (own !== undefined) await this.#setState(XENBUS_STATE.CLOSED, own);
    onNote(`${path}: ${why}`);
    this.#resolveGone();
  }

  async #stopWatching(): Promise<void> {
    const unwatch = this.#unwatch;
    this.#unwatch = [];
    // Where xenstored is gone, there is nothing left to watch.
    await Promise.allSettled(unwatch.map((end) => end()));
  }
}
