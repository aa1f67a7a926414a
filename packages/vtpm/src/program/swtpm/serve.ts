import { Poller } from "../../native/poller.ts";
import { Reception } from "../../server/reception.ts";
import { createEnd } from "../end-signal.ts";
import { UsageError } from "../usage-error.ts";
import type { Log } from "./log.ts";
import { writePidFile } from "./pid-file.ts";
import { notifySystemd } from "./readiness.ts";
import type { Settings } from "./settings.ts";
import { openControl, openData, type Receptions } from "./sockets.ts";
import { stateLocation } from "./state-location.ts";

export interface ServeContext {
  readonly log: Log;
  /** Parts of the information to print instead of serving. */
  readonly info: number | undefined;
  /** Called when commands are served. */
  readonly onReady: () => void;
}

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
  if (settings.log !== undefined) log.configure(settings.log);
  const poller = lazyPoller();
  // One client at a time each: those who come meanwhile wait.
  const receptions: Receptions = { data: new Reception({ places: 1 }), control: new Reception({ places: 1 }) };
  const cleanUp: (() => void | Promise<void>)[] = [() => poller.close()];
  try {
    const control = await openControl(settings, receptions, poller.get);
    cleanUp.push(() => control?.listener?.close() ?? receptions.control.close());
    const data = await openData(settings, receptions, poller.get);
    cleanUp.push(() => data.listener?.close() ?? receptions.data.close());
    const location = stateLocation(settings);
    if (location === undefined) throw new UsageError("where is the state? Give --tpmstate, or set TPM_PATH");
    if (settings.pid !== undefined) cleanUp.push(writePidFile(settings.pid));
    const { openServedTpm } = await import("./served-tpm.ts");
    const tpm = await openServedTpm(settings, {
      log,
      location,
      end,
      receptions,
      data,
      control,
      poller: poller.get,
      fail,
    });
    // Together with the sockets, since the end of a long command in hand is brought about by the TPM's.
    cleanUp.push(() => tpm.stop());
    if (info !== undefined) {
      process.stdout.write(`${tpm.info(info)}\n`);
      return 0;
    }
    onReady();
    notifySystemd(log);
    if (!ending.signal.aborted) await new Promise((resolve) => ending.signal.addEventListener("abort", resolve));
    return status;
  } finally {
    const ends = cleanUp
      .reverse()
      .slice(0, -1)
      .map((clean) => clean());
    await Promise.all(ends);
    await cleanUp.at(-1)?.();
  }
}

/** The poller is a thread: only for what needs one. */
function lazyPoller(): { readonly get: () => Poller; close(): Promise<void> } {
  let poller: Poller | undefined;
  return {
    get: () => {
      poller ??= new Poller();
      return poller;
    },
    close: async () => poller?.close(),
  };
}
