import { serveCuse } from "../kernel/cuse/serve-cuse.ts";
import { type ServedVtpmProxy, serveVtpmProxy } from "../kernel/vtpm-proxy/serve-vtpm-proxy.ts";
import { warmUp } from "../kernel/warm-up.ts";
import { Poller } from "../native/poller.ts";
import { controlOf, type Served } from "../server/endpoints.ts";
import type { ServeOptions } from "./serve-options.ts";

/** What the running kernel has of the TPMs of this process: one thread waits for all of their devices. */
export class KernelDevices {
  readonly #poller = new Poller();
  readonly #devices = new Set<{ close(): void }>();
  #warm: Promise<void> | undefined;
  #closed: Promise<void> | undefined;

  /** Makes a TPM the devices that are asked for. Rejects with a `KernelError` or a `NativeError`. */
  async open(
    { cuse, vtpmProxy }: Pick<ServeOptions, "cuse" | "vtpmProxy">,
    served: Served,
  ): Promise<ServedVtpmProxy | undefined> {
    const { host } = served;
    const poller = this.#poller;
    if (cuse !== undefined) {
      const onHangUp = (): void => this.#gone(device, `/dev/${cuse}`, served);
      const device = await serveCuse({ name: cuse, control: controlOf(served), poller, onHangUp });
      this.#devices.add(device);
    }
    if (!vtpmProxy) return undefined;
    this.#warm ??= warmUp();
    await this.#warm;
    const onHangUp = (): void => this.#gone(proxy, `/dev/tpm${proxy.number}`, served);
    const proxy = serveVtpmProxy({ host, poller, onHangUp });
    this.#devices.add(proxy);
    return proxy;
  }

  /** Removes all devices at once. */
  close(): Promise<void> {
    for (const device of this.#devices) device.close();
    this.#devices.clear();
    this.#closed ??= this.#poller.close();
    return this.#closed;
  }

  /** The kernel has ended a device; the last one takes the process along. */
  #gone(device: { close(): void }, path: string, { onFault, endProcess }: Served): void {
    if (!this.#devices.delete(device)) return;
    device.close();
    onFault?.(new Error(`the kernel has given ${path} up`));
    if (this.#devices.size === 0) endProcess();
  }
}
