import type { TpmHost } from "../host/tpm-host.ts";
import { serveCuse } from "../kernel/cuse/serve-cuse.ts";
import { KernelError } from "../kernel/kernel-error.ts";
import { type ServedVtpmProxy, serveVtpmProxy } from "../kernel/vtpm-proxy/serve-vtpm-proxy.ts";
import { warmUp } from "../kernel/warm-up.ts";
import { Poller } from "../native/poller.ts";
import { controlOf, type Served } from "../server/endpoints.ts";
import type { ServeOptions } from "./serve-options.ts";

/** What the running kernel has of the TPMs of this process: one thread waits for all of their devices. */
export class KernelDevices {
  readonly #poller = new Poller();
  readonly #devices = new Map<{ close(): void }, TpmHost>();
  #warm: Promise<void> | undefined;
  #closed: Promise<void> | undefined;
  #resolveLost: (error: KernelError) => void = () => {};
  /** Resolves when the kernel has ended the last device. */
  readonly lost = new Promise<KernelError>((resolve) => {
    this.#resolveLost = resolve;
  });

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
      this.#devices.set(device, host);
    }
    if (!vtpmProxy) return undefined;
    this.#warm ??= warmUp();
    await this.#warm;
    const onHangUp = (): void => this.#gone(proxy, `/dev/tpm${proxy.number}`, served);
    const proxy = serveVtpmProxy({ host, poller, onHangUp });
    this.#devices.set(proxy, host);
    return proxy;
  }

  /** Removes all devices at once. */
  close(): Promise<void> {
    for (const device of this.#devices.keys()) device.close();
    this.#devices.clear();
    this.#closed ??= this.#poller.close();
    return this.#closed;
  }

  /** The kernel has ended a device. The others go on; a TPM that has none any more gives its state up. */
  #gone(device: { close(): void }, path: string, { host, onFault }: Served): void {
    if (!this.#devices.delete(device)) return;
    device.close();
    const error = new KernelError("KERNEL_GAVE_UP", `the kernel has given ${path} up: its log says why`);
    if (this.#devices.size === 0) {
      this.#resolveLost(error);
      return;
    }
    onFault?.(error);
    if ([...this.#devices.values()].includes(host)) return;
    host
      .stop()
      .then(() => host.releaseStore())
      .catch((failure: unknown) => onFault?.(failure));
  }
}
