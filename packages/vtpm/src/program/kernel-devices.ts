import { type ServedCuse, serveCuse } from "../kernel/cuse/serve-cuse.ts";
import { type ServedVtpmProxy, serveVtpmProxy } from "../kernel/vtpm-proxy/serve-vtpm-proxy.ts";
import { warmUp } from "../kernel/warm-up.ts";
import { Poller } from "../native/poller.ts";
import { controlOf, type Served } from "../server/endpoints.ts";
import type { ServeOptions } from "./serve-options.ts";

/** What the running kernel has of a TPM. */
export interface KernelDevices {
  readonly vtpmProxy: ServedVtpmProxy | undefined;
  close(): Promise<void>;
}

/** Makes the devices that are asked for. Rejects with a `KernelError` or a `NativeError`. */
export async function openKernelDevices(options: ServeOptions, served: Served): Promise<KernelDevices> {
  const { host, endProcess } = served;
  const poller = new Poller();
  let cuse: ServedCuse | undefined;
  let vtpmProxy: ServedVtpmProxy | undefined;
  const close = async (): Promise<void> => {
    vtpmProxy?.close();
    cuse?.close();
    await poller.close();
  };
  try {
    if (options.cuse !== undefined) {
      cuse = await serveCuse({ name: options.cuse, control: controlOf(served), poller, onHangUp: endProcess });
    }
    if (options.vtpmProxy) {
      await warmUp();
      vtpmProxy = serveVtpmProxy({ host, poller, onHangUp: endProcess });
    }
    return { vtpmProxy, close };
  } catch (error) {
    await close();
    throw error;
  }
}
