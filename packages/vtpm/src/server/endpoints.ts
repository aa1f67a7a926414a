import type { Platform } from "@vtpm/tpm2";
import type { TpmHost } from "../host/tpm-host.ts";
import { CommandPort } from "./command-port.ts";
import { Control } from "./control.ts";
import { ListenError } from "./listen-error.ts";
import { type Listener, listenTcp, listenUnix } from "./listener.ts";
import { MssimCommandSession } from "./mssim-command.ts";
import { MssimPlatformSession, type PresenceSwitch } from "./mssim-platform.ts";
import { Reception, type Service } from "./reception.ts";
import { StateBlobs } from "./state-blobs.ts";
import { CONTROL_REQUEST_MS, SwtpmControlSession } from "./swtpm-control.ts";
import { SwtpmDataSession } from "./swtpm-data.ts";

/** How often a free port is drawn in the hope that the next one is free too. */
const PAIR_ATTEMPTS = 50;

/** What the endpoints of a TPM work with. */
export interface Served {
  readonly host: TpmHost;
  /** What the TPM works with; whether its button is pressed can be changed. */
  readonly platform: Platform & PresenceSwitch;
  /** Told why something that was asked for on a control channel failed. */
  readonly onFault?: ((error: unknown) => void) | undefined;
  /** Called when a client asks for the end of the process. */
  readonly endProcess: () => void;
}

/** Two listeners that belong together: commands, and what surrounds them. */
export interface Endpoint {
  /** Of commands on TCP; the other one is the next. 0 for Unix sockets. */
  readonly port: number;
  close(): Promise<void>;
}

/** swtpm's protocol: commands on `port`, control channel on the next one. */
export function serveSwtpm(host: string, port: number, served: Served): Promise<Endpoint> {
  return listenPair(host, port, swtpmData(served), swtpmControl(served));
}

/** swtpm's protocol on Unix sockets: commands on `path`, control channel on `path.ctrl`, where clients look for it. */
export async function serveSwtpmUnix(path: string, served: Served): Promise<Endpoint> {
  const data = await listenUnix(path, receptionOf(swtpmData(served)));
  return join(data, () => listenUnix(`${path}.ctrl`, receptionOf(swtpmControl(served))));
}

/** The TCG simulator's protocol: commands on `port`, platform signals on the next one. */
export function serveMssim(host: string, port: number, served: Served): Promise<Endpoint> {
  return listenPair(
    host,
    port,
    { createSession: () => new MssimCommandSession(served.host, served.endProcess) },
    { createSession: () => new MssimPlatformSession(served.host, served.platform, served.endProcess) },
  );
}

const swtpmData = ({ host }: Served): Service => ({ createSession: () => new SwtpmDataSession(new CommandPort(host)) });
const swtpmControl = (served: Served): Service => {
  const control = controlOf(served);
  return { createSession: () => new SwtpmControlSession(control), completeWithinMs: CONTROL_REQUEST_MS };
};

/** What a control channel to this TPM can ask for. */
export function controlOf({ host, platform, endProcess, onFault = () => {} }: Served): Control {
  const blobs = new StateBlobs({ host, platform, onFault, onStoreLost: onFault });
  return new Control({ host, blobs, onFault, endProcess });
}

function receptionOf(service: Service): Reception {
  const reception = new Reception();
  reception.open(service);
  return reception;
}

async function listenPair(host: string, port: number, first: Service, second: Service): Promise<Endpoint> {
  for (let attempt = 1; ; attempt++) {
    const listener = await listenTcp(host, port, receptionOf(first));
    try {
      return await join(listener, () => listenTcp(host, listener.port + 1, receptionOf(second)));
    } catch (error) {
      const unlucky = port === 0 && attempt < PAIR_ATTEMPTS;
      if (!unlucky || !(error instanceof ListenError)) throw error;
    }
  }
}

/** Opens the second listener of two; without it there is no first one either. */
async function join(first: Listener, listen: () => Promise<Listener>): Promise<Endpoint> {
  try {
    const second = await listen();
    return {
      port: first.port,
      async close() {
        await Promise.all([first.close(), second.close()]);
      },
    };
  } catch (error) {
    await first.close();
    throw error;
  }
}
