import { once } from "node:events";
import { type Profile, ProfileError, parseProfile } from "@vtpm/tpm2";
import { TPM_SU } from "../host/tpm2-messages.ts";
import { reasonOf } from "../host-error.ts";
import { type OpenTpm, openTpm } from "../open-tpm.ts";
import { type Served, serveMssim, serveSwtpm, serveSwtpmUnix } from "../server/endpoints.ts";
import { announcement, type OpenEndpoints } from "./announcement.ts";
import type { ServeOptions } from "./serve-options.ts";
import { UsageError } from "./usage-error.ts";
import { version } from "./version.ts";

/** Serves a TPM until a signal or a client asks for the end. Rejects with a `HostError` for what cannot be opened. */
export async function serve(options: ServeOptions): Promise<void> {
  const log = createLog(options.verbose);
  const end = new AbortController();
  const asked = once(end.signal, "abort");
  // A second signal is not waited for: the default takes its course.
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => end.abort(signal));

  const profile = options.profile === undefined ? {} : { profile: profileOf(options.profile) };
  const tpm = await openTpm({ directory: options.state, mayBlock: true, onFault: log.fault, ...profile });
  try {
    await tpm.host.init();
    await startUp(tpm, options, log);
    const served = { host: tpm.host, button: tpm.platform, endProcess: () => end.abort("a client") };
    const endpoints = await openEndpoints(options, served);
    // Whoever started us may have stopped reading.
    process.stdout.on("error", () => {});
    process.stdout.write(announcement(version(), options, endpoints));
    if (!end.signal.aborted) await asked;
    log.note(`ending, as ${String(end.signal.reason)} asked`);
    // Together, since the end of a long command in hand is brought about by the TPM's.
    await Promise.all([closeEndpoints(endpoints), tpm.host.stop()]);
  } finally {
    await tpm.close();
  }
}

/** A profile by its name, or as libtpms' JSON. */
function profileOf(text: string): Profile {
  try {
    return parseProfile(text.trimStart().startsWith("{") ? text : JSON.stringify({ Name: text }));
  } catch (error) {
    if (error instanceof ProfileError) throw new UsageError(`--profile: ${error.message}`, { cause: error });
    throw error;
  }
}

async function startUp(tpm: OpenTpm, options: ServeOptions, log: Log): Promise<void> {
  if (options.startup === "none") return;
  const code = await tpm.host.startup(options.startup === "state" ? TPM_SU.STATE : TPM_SU.CLEAR);
  if (code !== 0) log.fault(new Error(`TPM2_Startup answered 0x${code.toString(16)}`));
}

async function openEndpoints({ host, port, mssim, socket }: ServeOptions, served: Served): Promise<OpenEndpoints> {
  const opened: { -readonly [K in keyof OpenEndpoints]: OpenEndpoints[K] } = {
    swtpm: undefined,
    mssim: undefined,
    unix: undefined,
  };
  try {
    if (port !== undefined) opened.swtpm = await serveSwtpm(host, port, served);
    if (mssim !== undefined) opened.mssim = await serveMssim(host, mssim, served);
    if (socket !== undefined) opened.unix = await serveSwtpmUnix(socket, served);
    return opened;
  } catch (error) {
    await closeEndpoints(opened);
    throw error;
  }
}

async function closeEndpoints({ swtpm, mssim, unix }: OpenEndpoints): Promise<void> {
  await Promise.all([swtpm?.close(), mssim?.close(), unix?.close()]);
}

interface Log {
  note(text: string): void;
  fault(error: unknown): void;
}

/** Faults always go to standard error, but a fault that keeps happening only once; notes when they are wanted. */
function createLog(verbose: boolean): Log {
  let last = "";
  const write = (text: string): void => {
    process.stderr.write(`vtpm: ${text}\n`);
  };
  return {
    note(text) {
      if (verbose) write(text);
    },
    fault(error) {
      const text = reasonOf(error);
      if (text !== last || verbose) write(text);
      last = text;
    },
  };
}
