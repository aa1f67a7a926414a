import type { TpmHost } from "../../host/tpm-host.ts";
import type { Poller } from "../../native/poller.ts";
import { CommandPort } from "../../server/command-port.ts";
import { CommandDevice } from "../command-device.ts";
import { createProxyDevice } from "./proxy-device.ts";

export interface ServeVtpmProxyOptions {
  readonly host: TpmHost;
  readonly poller: Poller;
  /** Whether the kernel is refused locality 4. */
  readonly rejectLocality4?: boolean | undefined;
  /** Told when the kernel has given the TPM up, as it does with one that fails its self-test or does not answer in time. */
  readonly onHangUp?: () => void;
}

/** A TPM that is a device of the running kernel. */
export interface ServedVtpmProxy {
  /** N of /dev/tpmN. */
  readonly number: number;
  readonly major: number;
  readonly minor: number;
  /** Removes the device at once; programs that use it are told so. */
  close(): void;
}

/**
 * Makes a TPM, which must be powered on, a device of the running kernel: /dev/tpmN, and /dev/tpmrmN with the kernel's resource
 * manager. The kernel begins to talk to it at once and does not wait long for an answer: warm the engine up before
 * (`warmUp`). Throws a `KernelError` or a `NativeError`.
 */
export function serveVtpmProxy({ host, poller, rejectLocality4, onHangUp }: ServeVtpmProxyOptions): ServedVtpmProxy {
  const { fd, number, major, minor } = createProxyDevice();
  const port = new CommandPort(host, { allowSetLocality: true, rejectLocality4 });
  const device = new CommandDevice({ fd, port, poller, ...(onHangUp === undefined ? {} : { onHangUp }) });
  return { number, major, minor, close: () => device.close() };
}
