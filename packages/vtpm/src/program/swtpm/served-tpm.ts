import { NULL_PROFILE } from "@vtpm/tpm2";
import type { TpmHost } from "../../host/tpm-host.ts";
import { TPM_SU } from "../../host/tpm2-messages.ts";
import type { Trace } from "../../host/trace.ts";
import type { Poller } from "../../native/poller.ts";
import { type OpenTpm, openTpm } from "../../open-tpm.ts";
import { NodePlatform } from "../../platform/node-platform.ts";
import { CommandPort } from "../../server/command-port.ts";
import { Control } from "../../server/control.ts";
import { connectionOf } from "../../server/descriptor-stream.ts";
import { StateBlobs } from "../../server/state-blobs.ts";
import { CONTROL_REQUEST_MS, SwtpmControlSession } from "../../server/swtpm-control.ts";
import { SwtpmDataSession } from "../../server/swtpm-data.ts";
import type { StateLocation } from "../state-location.ts";
import { UsageError } from "../usage-error.ts";
import { CommandLog } from "./command-log.ts";
import { readKey } from "./keys.ts";
import type { Log } from "./log.ts";
import { readProfile } from "./profile.ts";
import type { Settings } from "./settings.ts";
import type { ControlSource, DataSource, Receptions } from "./sockets.ts";

/** Bytes of a control message that are shown. */
const CONTROL_DUMP_SIZE = 1024;
/** Access rights of state files, from which the umask takes, unless others are asked for. */
const STATE_MODE = 0o640;

/** A TPM with its clients let in. */
export interface ServedTpm {
  readonly host: TpmHost;
  readonly port: CommandPort;
  readonly control: Control;
  stop(): Promise<void>;
}

/** What a TPM is served with. */
export interface TpmSurroundings {
  readonly log: Log;
  readonly location: StateLocation;
  readonly receptions: Receptions;
  readonly data: DataSource;
  readonly control: ControlSource | undefined;
  readonly poller: () => Poller;
  /** Records what passes. */
  readonly capture: Trace | undefined;
  /** The module of threads for long work where its file is out of reach. */
  readonly jobWorker: URL | undefined;
  /** Ends the program, in an orderly way. */
  readonly end: (reason: string) => void;
  /** The same with a status that tells of failure. */
  readonly fail: (error: unknown) => void;
}

/** Opens the TPM, powers it on if that is asked for, and lets clients in. */
export async function openServedTpm(settings: Settings, surroundings: TpmSurroundings): Promise<ServedTpm> {
  const { log, receptions, data, control, capture, end, fail } = surroundings;
  // Facts are those of a TPM that is powered on, whatever it would do then.
  const startup = settings.given.has("print-info") ? "none" : startupOf(settings);
  const onFault = (error: unknown): void => log.fault(error);
  const crypto = new NodePlatform().crypto;
  const key = readKey("--key", settings.key, crypto, log);
  const migrationKey = readKey("--migration-key", settings["migration-key"], crypto, log);
  const commandLog = log.dumps ? new CommandLog(log) : undefined;
  const trace = tracesOf(dumpOf(log, "SWTPM_IO_Read:", "SWTPM_IO_Write:"), commandLog, capture);
  const tpm = await openState(settings, surroundings, key, startup === undefined);
  const { host, platform } = tpm;
  try {
    await powerOn(tpm, startup);
  } catch (error) {
    await tpm.close();
    throw error;
  }
  const blobs = new StateBlobs({ host, platform, key, migrationKey, onFault, onStoreLost: fail });
  const served = new Control({
    host,
    blobs,
    onFault,
    endProcess: () => end("SHUTDOWN"),
    rejectLocality4: settings.locality?.["reject-locality-4"],
    connectData: dataConnector(surroundings),
  });
  const localities = {
    allowSetLocality: settings.locality?.["allow-set-locality"] === true || settings.given.has("vtpm-proxy"),
    rejectLocality4: settings.locality?.["reject-locality-4"],
  };
  const port = new CommandPort(host, localities);
  receptions.data.open({
    createSession() {
      log.write("  a client has come for commands");
      return new SwtpmDataSession(port);
    },
    once: data.disconnect,
    onEnd: data.endsProgram ? () => end("the end of the data connection") : undefined,
    trace,
  });
  receptions.control.open({
    createSession() {
      log.write("  a client has come to the control channel");
      return new SwtpmControlSession(served);
    },
    completeWithinMs: CONTROL_REQUEST_MS,
    onEnd: control?.endsProgram ? () => end("the end of the control connection") : undefined,
    trace: dumpOf(log, "Ctrl Cmd:", "Ctrl Rsp:", CONTROL_DUMP_SIZE),
  });
  return { host, port: new CommandPort(host, { ...localities, trace }), control: served, stop: () => tpm.close() };
}

function openState(
  { front, tpmstate, migration, flags, profile }: Settings,
  { log, location, capture, jobWorker, fail }: TpmSurroundings,
  key: Uint8Array | undefined,
  lazy: boolean,
): Promise<OpenTpm> {
  const files = {
    mode: STATE_MODE,
    exactMode: tpmstate?.mode,
    mayBlock: true,
    onWarning: (text: string) => log.write(text),
  };
  const isDirectory = location.directory !== undefined;
  const unlocked = !(tpmstate?.lock ?? isDirectory);
  if (!isDirectory && (tpmstate?.backup || tpmstate?.fsync)) {
    throw new UsageError(
      "The backup and fsync options are not supported with this storage backend: they are for a directory, not for file://",
    );
  }
  return openTpm({
    ...files,
    ...(isDirectory
      ? { directory: location.directory, create: front === "cuse", unlocked, backup: tpmstate?.backup }
      : { linearFile: location.linearFile, unlocked }),
    key,
    jobWorker,
    trace: capture,
    lazy,
    incoming: migration?.incoming,
    orderlyShutdown: flags?.["disable-auto-shutdown"] !== true,
    profile: {
      asked: profile === undefined ? undefined : readProfile(profile),
      otherwise: NULL_PROFILE,
      forNewOnly: true,
    },
    onFault: (error) => log.fault(error),
    onStoreLost: fail,
  });
}

function startupOf({ flags, given }: Settings): TPM_SU | "none" | undefined {
  if (given.has("vtpm-proxy")) return TPM_SU.CLEAR;
  if (flags?.["startup-clear"]) return TPM_SU.CLEAR;
  if (flags?.["startup-state"]) return TPM_SU.STATE;
  if (flags?.["startup-deactivated"]) throw new UsageError("TPM 2 does not support startup deactivated.");
  return flags?.["startup-none"] || flags?.["not-need-init"] ? "none" : undefined;
}

async function powerOn({ host }: OpenTpm, startup: TPM_SU | "none" | undefined): Promise<void> {
  if (startup === undefined) return;
  await host.init();
  if (startup !== "none") await host.startup(startup);
}

/** SET_DATAFD: one connection at a time, and none beside a server. */
function dataConnector({ data, receptions, poller, log }: TpmSurroundings) {
  let occupied = data.present;
  return (fd: number | undefined): "connected" | "occupied" | "unusable" => {
    if (occupied) return "occupied";
    if (fd === undefined) return "unusable";
    try {
      const stream = connectionOf(fd, poller);
      occupied = true;
      stream.once("close", () => {
        occupied = false;
      });
      receptions.data.admit(stream);
      return "connected";
    } catch (error) {
      log.fault(error);
      return "unusable";
    }
  };
}

/** Everything that wants to see what passes; nothing where nobody does. */
function tracesOf(...traces: readonly (Trace | undefined)[]): Trace | undefined {
  const wanted = traces.filter((trace) => trace !== undefined);
  if (wanted.length === 0) return undefined;
  return {
    request(bytes) {
      for (const trace of wanted) trace.request(bytes);
    },
    response(bytes) {
      for (const trace of wanted) trace.response(bytes);
    },
  };
}

function dumpOf(log: Log, request: string, response: string, limit?: number): Trace | undefined {
  if (!log.dumps) return undefined;
  return {
    request: (bytes) => log.dump(request, bytes, limit),
    response: (bytes) => log.dump(response, bytes, limit),
  };
}
