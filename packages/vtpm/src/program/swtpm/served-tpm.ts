import { NULL_PROFILE } from "@vtpm/tpm2";
import { TPM_SU } from "../../host/tpm2-messages.ts";
import type { Poller } from "../../native/poller.ts";
import { openTpm } from "../../open-tpm.ts";
import { Control } from "../../server/control.ts";
import type { Trace } from "../../server/conversation.ts";
import { connectionOf } from "../../server/descriptor-stream.ts";
import { CONTROL_REQUEST_MS, SwtpmControlSession } from "../../server/swtpm-control.ts";
import { SwtpmDataSession } from "../../server/swtpm-data.ts";
import { tpmInfo } from "../../server/tpm-info.ts";
import { UsageError } from "../usage-error.ts";
import type { Log } from "./log.ts";
import type { Settings } from "./settings.ts";
import type { ControlSource, DataSource, Receptions } from "./sockets.ts";
import type { StateLocation } from "./state-location.ts";

/** Bytes of a control message that are shown. */
const CONTROL_DUMP_SIZE = 1024;

export interface ServedTpm {
  info(flags: number): string;
  stop(): Promise<void>;
}

export interface TpmSurroundings {
  readonly log: Log;
  readonly location: StateLocation;
  readonly end: AbortController;
  readonly receptions: Receptions;
  readonly data: DataSource;
  readonly control: ControlSource | undefined;
  readonly poller: () => Poller;
}

/** Opens the TPM and lets clients in. */
export async function openServedTpm(settings: Settings, surroundings: TpmSurroundings): Promise<ServedTpm> {
  const { log, location, end, receptions, data, control, poller } = surroundings;
  if (!("directory" in location)) throw new UsageError("state in a file (file://) is not there yet");
  const startup = startupOf(settings);
  const tpm = await openTpm({
    directory: location.directory,
    mayBlock: true,
    onFault: (error) => log.fault(error),
    profile: { otherwise: NULL_PROFILE, forNewOnly: true },
    lazy: startup === undefined,
  });
  const { host } = tpm;
  if (startup !== undefined) {
    await host.init();
    if (startup !== "none") await host.startup(startup);
  }

  let connected = data.present;
  const endProcess = (reason: string) => (): void => end.abort(reason);
  const served = new Control({
    host,
    endProcess: endProcess("SHUTDOWN"),
    rejectLocality4: settings.locality?.["reject-locality-4"],
    connectData(fd) {
      if (connected) return "occupied";
      try {
        const stream = connectionOf(fd, poller);
        connected = true;
        stream.once("close", () => {
          connected = false;
        });
        receptions.data.admit(stream);
        return "connected";
      } catch (error) {
        log.fault(error);
        return "unusable";
      }
    },
  });
  receptions.data.open({
    createSession: () => new SwtpmDataSession(host),
    once: data.disconnect,
    onEnd: data.endsProgram ? endProcess("the end of the data connection") : undefined,
    trace: traceOf(log, "SWTPM_IO_Read:", "SWTPM_IO_Write:"),
  });
  receptions.control.open({
    createSession: () => new SwtpmControlSession(served),
    completeWithinMs: CONTROL_REQUEST_MS,
    onEnd: control?.endsProgram ? endProcess("the end of the control connection") : undefined,
    trace: traceOf(log, "Ctrl Cmd:", "Ctrl Rsp:", CONTROL_DUMP_SIZE),
  });
  return { info: (flags) => tpmInfo(BigInt(flags), host.profile), stop: () => tpm.close() };
}

function startupOf({ flags }: Settings): TPM_SU | "none" | undefined {
  if (flags?.["startup-clear"]) return TPM_SU.CLEAR;
  if (flags?.["startup-state"]) return TPM_SU.STATE;
  if (flags?.["startup-deactivated"]) throw new UsageError("--flags startup-deactivated is for a TPM 1.2 only");
  return flags?.["startup-none"] || flags?.["not-need-init"] ? "none" : undefined;
}

function traceOf(log: Log, request: string, response: string, limit?: number): Trace | undefined {
  if (!log.dumps) return undefined;
  return {
    request: (bytes) => log.dump(request, bytes, limit),
    response: (bytes) => log.dump(response, bytes, limit),
  };
}
