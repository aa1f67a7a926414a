import { once } from "node:events";
import { TPM_RC } from "@vtpm/tpm2";
import { type OpenTpm, openTpm } from "../open-tpm.ts";
import { type Served, serveMssim, serveSwtpm, serveSwtpmUnix } from "../server/endpoints.ts";
import { announcement, type OpenEndpoints } from "./announcement.ts";
import { createEnd } from "./end-signal.ts";
import type { KernelDevices } from "./kernel-devices.ts";
import { profileOf } from "./profile-option.ts";
import { createLog, type ProgramLog } from "./program-log.ts";
import type { ServeOptions } from "./serve-options.ts";
import { version } from "./version.ts";

/** Serves TPMs until a signal or a client asks for the end. Rejects with a `HostError` for what cannot be opened. */
export async function serve(options: ServeOptions): Promise<void> {
  const log = createLog(options.verbose);
  const end = createEnd();
  const asked = once(end.signal, "abort");

  const profile = options.profile === undefined ? {} : { profile: profileOf(options.profile) };
  // Loaded only where it is needed: sockets need no kernel.
  const kernel = wantsKernel(options) ? new (await import("./kernel-devices.ts")).KernelDevices() : undefined;
  const tpms: OpenTpm[] = [];
  const opened: OpenEndpoints[] = [];
  const closeEndpoints = (): Promise<unknown> => Promise.all([kernel?.close(), ...opened.splice(0).map(closeSockets)]);
  // Whoever started us may have stopped reading.
  process.stdout.on("error", () => {});
  try {
    for (const state of options.states) {
      const tpm = await openTpm({ ...state, mayBlock: true, onFault: log.fault, ...profile });
      tpms.push(tpm);
      await tpm.host.init();
      await startUp(tpm, options, log);
      const endProcess = (): void => end.abort("a client");
      const served = { host: tpm.host, platform: tpm.platform, onFault: log.fault, endProcess };
      const endpoints = await openEndpoints(options, served, kernel);
      opened.push(endpoints);
      process.stdout.write(announcement(version(), options, state, endpoints));
    }
    const lost = await Promise.race([asked.then(() => undefined), ...(kernel === undefined ? [] : [kernel.lost])]);
    if (lost === undefined) log.note(`ending, as ${String(end.signal.reason)} asked`);
    // Together, since the end of a long command in hand is brought about by the TPM's.
    await Promise.all([closeEndpoints(), ...tpms.map(({ host }) => host.stop())]);
    if (lost !== undefined) throw lost;
  } finally {
    await closeEndpoints();
    await Promise.all(tpms.map((tpm) => tpm.close()));
  }
}

const wantsKernel = ({ vtpmProxy, cuse }: ServeOptions): boolean => vtpmProxy || cuse !== undefined;

async function startUp(tpm: OpenTpm, { startup }: ServeOptions, log: ProgramLog): Promise<void> {
  if (startup === undefined) return;
  const code = await tpm.host.startup(startup);
  // It goes on from volatile state that was kept: it has been started up before.
  if (code === TPM_RC.INITIALIZE) return;
  if (code !== 0) log.fault(new Error(`TPM2_Startup answered 0x${code.toString(16)}`));
}

async function openEndpoints(
  options: ServeOptions,
  served: Served,
  kernel: KernelDevices | undefined,
): Promise<OpenEndpoints> {
  const { host, port, mssim, socket } = options;
  const opened: { -readonly [K in keyof OpenEndpoints]: OpenEndpoints[K] } = {
    swtpm: undefined,
    mssim: undefined,
    unix: undefined,
    vtpmProxy: undefined,
  };
  try {
    if (port !== undefined) opened.swtpm = await serveSwtpm(host, port, served);
    if (mssim !== undefined) opened.mssim = await serveMssim(host, mssim, served);
    if (socket !== undefined) opened.unix = await serveSwtpmUnix(socket, served);
    opened.vtpmProxy = await kernel?.open(options, served);
    return opened;
  } catch (error) {
    await closeSockets(opened);
    throw error;
  }
}

async function closeSockets({ swtpm, mssim, unix }: OpenEndpoints): Promise<void> {
  await Promise.all([swtpm?.close(), mssim?.close(), unix?.close()]);
}
