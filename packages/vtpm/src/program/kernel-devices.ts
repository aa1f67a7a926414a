import { type ServedVtpmProxy, serveVtpmProxy } from "../kernel/vtpm-proxy/serve-vtpm-proxy.ts";
import { warmUp } from "../kernel/warm-up.ts";
import { Poller } from "../native/poller.ts";
import type { Served } from "../server/endpoints.ts";
import type { ServeOptions } from "./serve-options.ts";

/** What the running kernel has of a TPM. */
export interface KernelDevices {
  readonly vtpmProxy: ServedVtpmProxy | undefined;
  close(): Promise<void>;
}

/** Makes the devices that are asked for. Rejects with a `KernelError` or a `NativeError`. */
export async function openKernelDevices(
  { vtpmProxy: wantsProxy }: ServeOptions,
  { host, endProcess }: Served,
): Promise<KernelDevices> {
  const poller = new Poller();
  try {
    await warmUp();
    const vtpmProxy = wantsProxy ? serveVtpmProxy({ host, poller, onHangUp: endProcess }) : undefined;
    return {
      vtpmProxy,
      async close() {
        vtpmProxy?.close();
        await poller.close();
      },
    };
  } catch (error) {
    await poller.close();
    throw error;
  }
}
