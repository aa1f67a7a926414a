import { Poller } from "../../native/poller.ts";
import { Reception } from "../../server/reception.ts";
import { createEnd } from "../end-signal.ts";
import { UsageError } from "../usage-error.ts";
import type { Confinement } from "./confinement.ts";
import type { Log } from "./log.ts";
import { writePidFile } from "./pid-file.ts";
import type { Settings } from "./settings.ts";
import { openControl, openData } from "./sockets.ts";
import { settledLocation } from "./state-location.ts";

export interface ServeContext {
  readonly log: Log;
  /** Parts of the information to print instead of serving. */
  readonly info: number | undefined;
  readonly onReady: OnReady;
}

/** Called when commands are served, with what is to be printed then. */
export type OnReady = (announcement: string) => void;

/**
 * Serves a TPM until its clients, or a signal, ask for the end; returns the exit status. Sockets are opened before anything
 * else is loaded, since those who start this program wait for them. Rejects with a `HostError` for what cannot be opened.
 */
export async function serve(settings: Settings, { log, info, onReady }: ServeContext): Promise<number> {
  const ending = createEnd();
  let status = 0;
  const end = (reason: string): void => ending.abort(reason);
  const fail = (error: unknown): void => {
    log.fault(error);
    status = 1;
    end("a failure");
  };
  const poller = lazyPoller();
  // One client at a time each: those who come meanwhile wait.
  const receptions = { data: new Reception({ places: 1 }), control: new Reception({ places: 1 }) };
  /** What is to be done at the end: all at once, since a long command in hand ends only with its TPM. */
  const ends: (() => void | Promise<void>)[] = [];
  let capture: { close(): void } | undefined;
  /** The last thing that is done: who waits for it finds the state given up. */
  let removePidFile = (): void => {};
  // A TPM that nobody can reach lives until a signal, too.
  const alive = setInterval(() => {}, 0x7fffffff);
  try {
    const confinement = await confined(settings, poller);
    // A user that may not use /dev/cuse can still be the one that serves the device.
    if (settings.front !== "cuse") confinement?.becomeUser();
    if (settings.log !== undefined) log.configure(settings.log);
    const control = await openControl(settings, receptions, poller.get);
    ends.push(() => control?.listener?.close() ?? receptions.control.close());
    const data = await openData(settings, receptions, poller.get);
    ends.push(() => data.listener?.close() ?? receptions.data.close());
    const location = settledLocation(settings);
    if (location === undefined) throw new UsageError("Missing backend URI: give --tpmstate, or set TPM_PATH");
    if (settings.pid !== undefined) removePidFile = writePidFile(settings.pid);
    const packets = settings.pcap === undefined ? undefined : await openCapture(settings.pcap);
    capture = packets;
    const { openServedTpm } = await import("./served-tpm.ts");
    const tpm = await openServedTpm(settings, {
      ...{ log, location, receptions, data, control, poller: poller.get },
      ...{ capture: packets, jobWorker: confinement?.jobWorker, end, fail },
    });
    ends.push(() => tpm.stop());
    if (info !== undefined) {
      process.stdout.write(`${tpm.control.describe(BigInt(info))}\n`);
      return 0;
    }
    let announcement = "";
    if (data.device !== undefined || settings.given.has("vtpm-proxy") || settings.front === "cuse") {
      const { openDevice } = await import("./devices.ts");
      const onHangUp = (): void => end("the end of the device");
      const device = await openDevice(settings, { tpm, data, poller: poller.get(), onHangUp });
      ends.push(() => device.close());
      ({ announcement } = device);
    }
    if (settings.front === "cuse") confinement?.becomeUser();
    const { forbidUnneededCalls } = await import("./confinement.ts");
    forbidUnneededCalls(settings);
    onReady(announcement);
    await notify(log);
    if (!ending.signal.aborted) await new Promise((resolve) => ending.signal.addEventListener("abort", resolve));
    return status;
  } finally {
    clearInterval(alive);
    try {
      await Promise.all(ends.map((each) => each()));
      capture?.close();
      await poller.close();
    } finally {
      removePidFile();
    }
  }
}

/**
 * Does what `--chroot` says, and prepares what `--runas` does. What is loaded later otherwise is loaded before, while it can
 * be.
 */
async function confined(settings: Settings, poller: LazyPoller): Promise<Confinement | undefined> {
  if (!settings.given.has("chroot") && !settings.given.has("runas")) return undefined;
  const [{ confine }] = await Promise.all([
    import("./confinement.ts"),
    poller.get().started,
    import("./served-tpm.ts"),
    import("./devices.ts"),
    import("./pcap.ts"),
    import("./readiness.ts"),
    import("../../store/open-linear-store.ts"),
  ]);
  return confine(settings);
}

async function openCapture(option: NonNullable<Settings["pcap"]>) {
  const { PacketCapture } = await import("./pcap.ts");
  return new PacketCapture(option);
}

async function notify(log: Log): Promise<void> {
  const address = process.env["NOTIFY_SOCKET"];
  if (address === undefined) return;
  const { notifySystemd } = await import("./readiness.ts");
  notifySystemd(address, log);
}

interface LazyPoller {
  readonly get: () => Poller;
  close(): Promise<void>;
}

/** The poller is a thread: only for what needs one. */
function lazyPoller(): LazyPoller {
  let poller: Poller | undefined;
  return {
    get: () => {
      poller ??= new Poller();
      return poller;
    },
    close: async () => poller?.close(),
  };
}
