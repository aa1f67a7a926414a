import { type DeviceOptions, XenTpmDevice } from "./xen-tpm-device.ts";
import { decimal } from "./xenbus-state.ts";

/** Xen's own numbers are 15 bits. */
const MAX_DOMAIN = 0x7fff;

export type BackEndOptions = Omit<DeviceOptions, "path" | "domain">;

/** Serves all vtpm devices that xenstore says are ours, as they come and go. */
export class XenBackEnd {
  readonly #options: BackEndOptions;
  readonly #root: string;
  readonly #devices = new Map<string, XenTpmDevice>();
  #unwatch: (() => Promise<void>) | undefined;
  #scanning: Promise<void> | undefined;
  #scanAgain = false;
  #ended = false;

  private constructor(options: BackEndOptions, root: string) {
    this.#options = options;
    this.#root = root;
  }

  static async start(options: BackEndOptions): Promise<XenBackEnd> {
    const self = (await options.xenstore.read("domid")) ?? "0";
    const backEnd = new XenBackEnd(options, `/local/domain/${self}/backend/vtpm`);
    backEnd.#unwatch = await options.xenstore.watch(backEnd.#root, () => backEnd.#scan());
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

  /** Ends serving; the devices stay as they are in xenstore, for a back end to come. */
  async stop(): Promise<void> {
    this.#ended = true;
    await Promise.allSettled([this.#unwatch?.()]);
    await this.#scanning;
    await Promise.all([...this.#devices.values()].map((device) => device.leave()));
  }

  #scan(): void {
    this.#scanAgain = true;
    this.#scanning ??= this.#scanUntilStill().finally(() => {
      this.#scanning = undefined;
    });
  }

  async #scanUntilStill(): Promise<void> {
    while (this.#scanAgain && !this.#ended) {
      this.#scanAgain = false;
      try {
        await this.#takeUpNew();
      } catch (error) {
        this.#options.onNote(`${this.#root}: ${String(error)}`);
        return;
      }
    }
  }

  async #takeUpNew(): Promise<void> {
    const { xenstore } = this.#options;
    for (const domainName of await xenstore.list(this.#root)) {
      const domain = decimal(domainName, MAX_DOMAIN);
      if (domain === undefined) continue;
      for (const handle of await xenstore.list(`${this.#root}/${domainName}`)) {
        const path = `${this.#root}/${domainName}/${handle}`;
        // Without a state the toolstack is not done; closed ones it will take away.
        const state = await xenstore.read(`${path}/state`);
        if (this.#ended || this.#devices.has(path) || state === undefined || state === "6") continue;
        const device = new XenTpmDevice({ ...this.#options, path, domain });
        this.#devices.set(path, device);
        void device.gone.then(() => this.#devices.delete(path));
        void device.start();
      }
    }
  }
}
