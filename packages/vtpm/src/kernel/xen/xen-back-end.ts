import { type DeviceOptions, XenTpmDevice } from "./xen-tpm-device.ts";
import { decimal, XENBUS_STATE, xenbusState } from "./xenbus-state.ts";

/** Xen's own numbers are 15 bits. */
const MAX_DOMAIN = 0x7fff;

export type BackEndOptions = Omit<DeviceOptions, "path" | "domain">;

/** Serves all vtpm devices that xenstore says are ours, as they come and go. */
export class XenBackEnd {
  readonly #options: BackEndOptions;
  readonly #root: string;
  readonly #devices = new Map<string, XenTpmDevice>();
  /** Those that were given up or closed for good, as long as they stand in xenstore as closed. */
  readonly #finished = new Set<string>();
  #unwatch: (() => Promise<void>) | undefined;
  /** Where something has changed: nodes of devices, or nodes above them. */
  readonly #changed = new Set<string>();
  #scanning: Promise<void> | undefined;
  #ended = false;

  private constructor(options: BackEndOptions, root: string) {
    this.#options = options;
    this.#root = root;
  }

  static async start(options: BackEndOptions): Promise<XenBackEnd> {
    const self = (await options.xenstore.read("domid")) ?? "0";
    const backEnd = new XenBackEnd(options, `/local/domain/${self}/backend/vtpm`);
    backEnd.#unwatch = await options.xenstore.watch(backEnd.#root, (changed) => backEnd.#notice(changed));
    return backEnd;
  }

  /** Where devices appear. */
  get root(): string {
    return this.#root;
  }

  /** Paths of the devices in hand. */
  get devices(): readonly string[] {
    return [...this.#devices.keys()];
  }

  /**
   * Ends serving; the devices stay as they are in xenstore, for a back end to come. Rejects, when all have been left, if the
   * state of one could not be kept.
   */
  async stop(): Promise<void> {
    this.#ended = true;
    await Promise.allSettled([this.#unwatch?.()]);
    await this.#scanning;
    const ends = await Promise.allSettled([...this.#devices.values()].map((device) => device.leave()));
    for (const end of ends) if (end.status === "rejected") throw end.reason;
  }

  /** Only the device that has changed is looked at: what one domain does costs the same however many there are. */
  #notice(path: string): void {
    const [domain, handle] = path.startsWith(`${this.#root}/`) ? path.slice(this.#root.length + 1).split("/") : [];
    this.#changed.add([this.#root, domain, handle].filter((name) => name !== undefined).join("/"));
    this.#startScan();
  }

  #startScan(): void {
    this.#scanning ??= this.#scan().finally(() => {
      this.#scanning = undefined;
      if (this.#changed.size > 0 && !this.#ended) this.#startScan();
    });
  }

  async #scan(): Promise<void> {
    // What changes meanwhile comes at the end of the set.
    for (const place of this.#changed) {
      this.#changed.delete(place);
      if (this.#ended) return;
      try {
        for (const path of await this.#devicesAt(place)) await this.#takeUp(path);
      } catch (error) {
        this.#options.onFault(error);
      }
    }
  }

  async #devicesAt(place: string): Promise<readonly string[]> {
    const depth = place.slice(this.#root.length).split("/").length - 1;
    let paths = [place];
    for (let level = depth; level < 2; level++) {
      const below = paths.map(async (path) =>
        (await this.#options.xenstore.list(path)).map((name) => `${path}/${name}`),
      );
      paths = (await Promise.all(below)).flat();
    }
    return paths;
  }

  async #takeUp(path: string): Promise<void> {
    const [domainName] = path.slice(this.#root.length + 1).split("/");
    const domain = decimal(domainName, MAX_DOMAIN);
    if (domain === undefined || this.#devices.has(path)) return;
    const { xenstore } = this.#options;
    // Without a state the toolstack is not done, or has taken the device away.
    const text = await xenstore.read(`${path}/state`);
    if (xenbusState(text) === XENBUS_STATE.CLOSED) {
      // One that was closed by its front end alone may be used again: its driver is loaded once more, say.
      if (this.#finished.has(path) || (await xenstore.read(`${path}/online`)) !== "1") return;
    } else this.#finished.delete(path);
    if (text === undefined || this.#ended || this.#devices.has(path)) return;
    const device = new XenTpmDevice({ ...this.#options, path, domain });
    this.#devices.set(path, device);
    void device.gone.then(() => {
      this.#devices.delete(path);
      this.#finished.add(path);
      // The toolstack may have made another one in its place already.
      this.#notice(path);
    });
    device.start();
  }
}
