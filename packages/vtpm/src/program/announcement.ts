import type { ServedVtpmProxy } from "../kernel/vtpm-proxy/serve-vtpm-proxy.ts";
import type { Endpoint } from "../server/endpoints.ts";
import type { ServeOptions } from "./serve-options.ts";
import { locationText, type StateLocation } from "./state-location.ts";

/** The endpoints of a TPM that are open. */
export interface OpenEndpoints {
  readonly swtpm: Endpoint | undefined;
  readonly mssim: Endpoint | undefined;
  readonly unix: Endpoint | undefined;
  readonly vtpmProxy: ServedVtpmProxy | undefined;
}

/** What is printed when clients may come: how to reach the TPM, for people or, on one line, for programs. */
export function announcement(
  version: string,
  options: ServeOptions,
  location: StateLocation | undefined,
  { swtpm, mssim, unix, vtpmProxy }: OpenEndpoints,
): string {
  const { host, socket, cuse } = options;
  const state = location === undefined ? undefined : locationText(location);
  const tcti: string[] = [];
  if (swtpm !== undefined) tcti.push(`swtpm:host=${host},port=${swtpm.port}`);
  if (unix !== undefined) tcti.push(`swtpm:path=${socket}`);
  if (mssim !== undefined) tcti.push(`mssim:host=${host},port=${mssim.port}`);
  if (vtpmProxy !== undefined) tcti.push(`device:/dev/tpmrm${vtpmProxy.number}`);
  if (cuse !== undefined) tcti.push(`device:/dev/${cuse}`);
  if (options.json) {
    const ready = {
      version,
      pid: process.pid,
      state,
      host,
      ...(swtpm === undefined ? {} : { port: swtpm.port, control: swtpm.port + 1 }),
      ...(mssim === undefined ? {} : { mssim: mssim.port, platform: mssim.port + 1 }),
      ...(unix === undefined ? {} : { socket, controlSocket: `${socket}.ctrl` }),
      ...(vtpmProxy === undefined ? {} : { device: `/dev/tpm${vtpmProxy.number}` }),
      ...(cuse === undefined ? {} : { cuse: `/dev/${cuse}` }),
      tcti,
    };
    return `${JSON.stringify(ready)}\n`;
  }
  const kept = state === undefined ? "nothing of it is kept" : `its state is in ${state}`;
  const lines = [`vtpm ${version}: a TPM 2.0 is ready, ${kept}`];
  if (swtpm !== undefined) lines.push(`  ${host}:${swtpm.port} (control channel ${swtpm.port + 1})`);
  if (unix !== undefined) lines.push(`  ${socket} (control channel ${socket}.ctrl)`);
  if (mssim !== undefined)
    lines.push(`  ${host}:${mssim.port}, simulator protocol (platform signals ${mssim.port + 1})`);
  if (vtpmProxy !== undefined) {
    const { number, major, minor } = vtpmProxy;
    lines.push(`  /dev/tpm${number} (${major}:${minor}), with the kernel's resource manager /dev/tpmrm${number}`);
  }
  if (cuse !== undefined) lines.push(`  /dev/${cuse}, controlled by swtpm's ioctls`);
  lines.push("To use it with tpm2-tools:", ...tcti.map((value) => `  export TPM2TOOLS_TCTI="${value}"`));
  return `${lines.join("\n")}\n`;
}
