import { reasonOf } from "../../host-error.ts";
import type { Hypervisor } from "./hypervisor.ts";
import type { DomainTpm, OpenDomainTpm } from "./tpm-by-uuid.ts";
import { XenError } from "./xen-error.ts";
import { XenTpmLink } from "./xen-tpm-link.ts";
import { decimal, XENBUS_STATE, type XenbusState, xenbusState } from "./xenbus-state.ts";
import type { XenstoreAccess } from "./xenstore.ts";

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const MAX_WORD = 0xffff_ffff;

export interface DeviceOptions {
  readonly xenstore: XenstoreAccess;
  readonly hypervisor: Hypervisor;
  readonly openTpm: OpenDomainTpm;
  /** The back end's node in xenstore. */
  readonly path: string;
  readonly domain: number;
  /** Told what a person might want to know. */
  readonly onNote: (text: string) => void;
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
  async start(): Promise<void> {
    const { xenstore, path } = this.#options;
    try {
      const frontend = await xenstore.read(`${path}/frontend`);
      if (frontend === undefined) throw new XenError("XEN_DEVICE", "xenstore does not say where its front end is");
      this.#frontend = frontend;
      this.#tpm = await this.#options.openTpm(await this.#uuid());
      await xenstore.write(`${path}/feature-protocol-v2`, "1");
      const own = xenbusState(await xenstore.read(`${path}/state`));
      if (own === XENBUS_STATE.INITIALISING) await this.#setState(XENBUS_STATE.INIT_WAIT);
      const onChange = (): void => this.#look();
      this.#unwatch = [
        await xenstore.watch(`${frontend}/state`, onChange),
        await xenstore.watch(`${path}/state`, onChange),
      ];
    } catch (error) {
      await this.#giveUp(error);
    }
  }

  /** Ends serving and leaves everything as it is for the next back end. */
  async leave(): Promise<void> {
    this.#ended = true;
    await this.#looking;
    await this.#stopWatching();
    await this.#link?.leave();
    await this.#tpm?.suspend();
    this.#resolveGone();
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
        await this.#adapt();
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
      await this.#end("its node was removed");
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
        if (own === XENBUS_STATE.CLOSING || own === XENBUS_STATE.CLOSED) return; // the toolstack closes; the front end will follow
        if (this.#link === undefined) await this.#connect();
        await this.#setState(XENBUS_STATE.CONNECTED, own);
        return;
      case XENBUS_STATE.CLOSING:
        await this.#disconnect();
        await this.#setState(XENBUS_STATE.CLOSING, own);
        return;
      case XENBUS_STATE.CLOSED:
        await this.#disconnect();
        // Offline: the toolstack takes the device away for good.
        if ((await xenstore.read(`${path}/online`)) !== "1") await this.#end("closed", own);
        else await this.#setState(XENBUS_STATE.CLOSED, own);
        return;
      default:
        // No state: not written yet, or the front end's domain is gone while the toolstack closes.
        if (own === XENBUS_STATE.CLOSING) await this.#end("closed without a front end", own);
    }
  }

  async #connect(): Promise<void> {
    const { xenstore, hypervisor, domain, onNote, path } = this.#options;
    const tpm = this.#tpm;
    if (tpm === undefined) throw new XenError("XEN_DEVICE", "has no TPM any more");
    const read = (name: string): Promise<string | undefined> => xenstore.read(`${this.#frontend}/${name}`);
    if ((await read("feature-protocol-v2")) !== "1") {
      throw new XenError("XEN_DEVICE", "its front end does not know version 2 of the protocol");
    }
    const ringRef = decimal(await read("ring-ref"), MAX_WORD);
    const eventChannel = decimal(await read("event-channel"), MAX_WORD);
    if (ringRef === undefined || eventChannel === undefined) {
      throw new XenError("XEN_DEVICE", "its front end names no page or no event channel");
    }
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
    const { xenstore, path, onNote } = this.#options;
    const reason = reasonOf(error);
    onNote(`${path}: ${reason}`);
    try {
      await xenstore.write(`${path.replace("/backend/", "/error/backend/")}/error`, reason);
      await this.#end("given up", xenbusState(await xenstore.read(`${path}/state`)));
    } catch (failure) {
      onNote(`${path}: ${reasonOf(failure)}`);
      await this.#end("given up");
    }
  }

  /** Gives everything up; only then says so to a toolstack that waits, since it may give the TPM to the domain's next life. */
  async #end(why: string, own?: XenbusState): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    await this.#disconnect();
    await this.#stopWatching();
    await this.#tpm?.release(this.#closedByDomain ? "ended" : "taken away");
    this.#tpm = undefined;
    if (own !== undefined) await this.#setState(XENBUS_STATE.CLOSED, own);
    this.#options.onNote(`${this.#options.path}: ${why}`);
    this.#resolveGone();
  }

  async #stopWatching(): Promise<void> {
    const unwatch = this.#unwatch;
    this.#unwatch = [];
    // Where xenstored is gone, there is nothing left to watch.
    await Promise.allSettled(unwatch.map((end) => end()));
  }
}
