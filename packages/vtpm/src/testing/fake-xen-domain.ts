import type { Bytes } from "@vtpm/wire";
import { type EventChannel, type GrantedPage, type Hypervisor, PAGE_SIZE } from "../kernel/xen/hypervisor.ts";
import { PAGE_STATE, pageState, setPageState } from "../kernel/xen/tpmif-page.ts";
import { XenError } from "../kernel/xen/xen-error.ts";
import type { FakeXenstored } from "./fake-xenstored.ts";

interface Channel {
  onFrontEnd: () => void;
  /** Bound by one back end at a time. */
  onBackEnd: (() => void) | undefined;
}

/** A hypervisor for domains in this process: what they grant can be mapped, their event channels bound. */
export class FakeHypervisor implements Hypervisor {
  readonly pages = new Map<string, Bytes>();
  readonly channels = new Map<string, Channel>();
  /** Mapped pages and bound channels that were not given back. */
  held = 0;

  mapPage(domain: number, grantReference: number): GrantedPage {
    const bytes = this.pages.get(`${domain}/${grantReference}`);
    if (bytes === undefined) throw new XenError("XEN_UNAVAILABLE", `no grant ${grantReference} of domain ${domain}`);
    this.held++;
    return { bytes, unmap: () => this.held-- };
  }

  isBound(domain: number, port: number): boolean {
    return this.channels.get(`${domain}/${port}`)?.onBackEnd !== undefined;
  }

  bindEventChannel(domain: number, port: number, onEvent: () => void): EventChannel {
    const channel = this.channels.get(`${domain}/${port}`);
    if (channel === undefined || channel.onBackEnd !== undefined) {
      throw new XenError("XEN_UNAVAILABLE", `event channel ${port} of domain ${domain} cannot be bound`);
    }
    channel.onBackEnd = onEvent;
    this.held++;
    return {
      notify: () => channel.onFrontEnd(),
      unbind: () => {
        channel.onBackEnd = undefined;
        this.held--;
      },
    };
  }
}

/** One domain with a vtpm device, as its toolstack and its kernel make it: every step by itself, so that any can be left out. */
export class FakeDomain {
  readonly backEnd: string;
  readonly frontEnd: string;
  page: Bytes = new Uint8Array(PAGE_SIZE);
  readonly #xenstored: FakeXenstored;
  readonly #hypervisor: FakeHypervisor;
  readonly #id: number;
  #ringRef = 8;
  #port = 5;
  #channel: Channel = this.#newChannel();
  /** Called for each event of the back end. */
  onEvent: () => void = () => {};

  constructor(xenstored: FakeXenstored, hypervisor: FakeHypervisor, id: number) {
    this.#xenstored = xenstored;
    this.#hypervisor = hypervisor;
    this.#id = id;
    this.backEnd = `/local/domain/0/backend/vtpm/${id}/0`;
    this.frontEnd = `/local/domain/${id}/device/vtpm/0`;
  }

  /** What `xl create` writes. */
  attach(uuid: string): void {
    const { backEnd, frontEnd } = this;
    for (const [path, value] of [
      [`${frontEnd}/backend`, backEnd],
      [`${frontEnd}/state`, "1"],
      [`${backEnd}/frontend`, frontEnd],
      [`${backEnd}/uuid`, uuid],
      [`${backEnd}/online`, "1"],
      [`${backEnd}/state`, "1"],
    ] as const) {
      this.#xenstored.set(path, value);
    }
  }

  /** Shares another page and another channel from now on; returns the page. */
  replacePage(reference: number, port: number): Bytes {
    this.page = new Uint8Array(PAGE_SIZE);
    this.#channel = this.#newChannel();
    this.#ringRef = reference;
    this.#port = port;
    return this.page;
  }

  /** What the driver's probe does before it sends its first command. */
  announce(values: Readonly<Record<string, string>> = {}): void {
    this.#hypervisor.pages.set(`${this.#id}/${this.#ringRef}`, this.page);
    this.#hypervisor.channels.set(`${this.#id}/${this.#port}`, this.#channel);
    for (const [name, value] of Object.entries({
      "ring-ref": String(this.#ringRef),
      "event-channel": String(this.#port),
      "feature-protocol-v2": "1",
      state: "3",
      ...values,
    })) {
      this.#xenstored.set(`${this.frontEnd}/${name}`, value);
    }
  }

  grant(reference: number, page: Bytes): void {
    this.#hypervisor.pages.set(`${this.#id}/${reference}`, page);
  }

  setState(state: number): void {
    this.#xenstored.set(`${this.frontEnd}/state`, String(state));
  }

  /** Puts a command into the page; the header's fields as they are, or as a hostile domain writes them. */
  submit(
    command: Bytes,
    header: { length?: number; locality?: number; state?: number; extra?: readonly number[] } = {},
  ): void {
    const { length = command.length, locality = 0, state = PAGE_STATE.SUBMIT, extra = [] } = header;
    const view = new DataView(this.page.buffer);
    view.setUint32(0, length, true);
    view.setUint8(5, locality);
    view.setUint8(7, extra.length);
    for (const [i, reference] of extra.entries()) view.setUint32(8 + 4 * i, reference, true);
    this.page.set(command, 8 + 4 * extra.length);
    setPageState(this.page, state);
    this.notify();
  }

  notify(): void {
    this.#channel.onBackEnd?.();
  }

  /** The response, once the page says that it is there. */
  async response(): Promise<Bytes> {
    await this.pageIs(PAGE_STATE.FINISH);
    const view = new DataView(this.page.buffer);
    const offset = 8 + 4 * view.getUint8(7);
    return this.page.slice(offset, offset + view.getUint32(0, true));
  }

  exchange(command: Bytes, locality = 0): Promise<Bytes> {
    this.submit(command, { locality });
    return this.response();
  }

  /** Resolves when the back end has set this state. */
  pageIs(state: number): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (pageState(this.page) === state) resolve();
      };
      this.onEvent = look;
      look();
    });
  }

  #newChannel(): Channel {
    return { onFrontEnd: () => this.onEvent(), onBackEnd: undefined };
  }
}
