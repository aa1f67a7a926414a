import { CommandDevice } from "../../kernel/command-device.ts";
import { serveCuse } from "../../kernel/cuse/serve-cuse.ts";
import { serveVtpmProxy } from "../../kernel/vtpm-proxy/serve-vtpm-proxy.ts";
import { warmUp } from "../../kernel/warm-up.ts";
import type { Poller } from "../../native/poller.ts";
import { UsageError } from "../usage-error.ts";
import type { ServedTpm } from "./served-tpm.ts";
import { cNumber, type Settings } from "./settings.ts";
import type { DataSource } from "./sockets.ts";

/** Of a device's major or minor number, as swtpm takes them. */
const MAX_DEVICE_NUMBER = 0xffff;

/** What a device is opened with. */
export interface DeviceSurroundings {
  readonly tpm: ServedTpm;
  readonly data: DataSource;
  readonly poller: Poller;
  /** Called when the device has ended. */
  readonly onHangUp: () => void;
}

/** A device that is there. */
export interface OpenDevice {
  /** What is printed then. */
  readonly announcement: string;
  close(): void;
}

/** Serves the TPM at the device that is asked for. Rejects with a `HostError`. */
export async function openDevice(
  { front, given, locality }: Settings,
  { tpm, data, poller, onHangUp }: DeviceSurroundings,
): Promise<OpenDevice> {
  if (data.device !== undefined)
    return silent(new CommandDevice({ fd: data.device, port: tpm.port, poller, onHangUp }));
  if (front === "cuse") {
    const number = (option: "maj" | "min"): number | undefined => {
      const text = given.get(option);
      if (text === undefined) return undefined;
      const value = cNumber(text, MAX_DEVICE_NUMBER);
      if (value !== undefined) return value;
      const what = option === "maj" ? "Major" : "Minor";
      throw new UsageError(`${what} number outside valid range [0 - ${MAX_DEVICE_NUMBER}]`);
    };
    const name = given.get("name") ?? "";
    return silent(
      await serveCuse({ name, major: number("maj"), minor: number("min"), control: tpm.control, poller, onHangUp }),
    );
  }
  await warmUp();
  const rejectLocality4 = locality?.["reject-locality-4"];
  const proxy = serveVtpmProxy({ host: tpm.host, poller, rejectLocality4, onHangUp });
  const { number, major, minor } = proxy;
  const announcement = `New TPM device: /dev/tpm${number} (major/minor = ${major}/${minor})\n`;
  return { announcement, close: () => proxy.close() };
}

const silent = (device: { close(): void }): OpenDevice => ({ announcement: "", close: () => device.close() });
