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
  const control = await listenUnix(`${path}.ctrl`, receptionOf(swtpmControl(served)));
  return join(control, () => listenUnix(path, receptionOf(swtpmData(served))));
}

/** The TCG simulator's protocol: commands on `port`, platform signals on the next one. */
export function serveMssim(host: string, port: number, served: Served): Promise<Endpoint> {
  return listenPair(
    host,
    port,
    // Those of tpm2-tss write the header and the command apart, and leave it to the system when the latter goes.
    { createSession: () => new MssimCommandSession(served.host, served.endProcess), inPieces: true },
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

/** Opens two neighbouring ports: for commands, and the next one for what surrounds them. */
async function listenPair(host: string, port: number, commands: Service, surroundings: Service): Promise<Endpoint> {
  for (let attempt = 1; ; attempt++) {
    try {
      const next = await listenTcp(host, port === 0 ? 0 : port + 1, receptionOf(surroundings));
      return await join(next, () => listenTcp(host, next.port - 1, receptionOf(commands)));
    } catch (error) {
      const unlucky = port === 0 && attempt < PAIR_ATTEMPTS;
      if (!unlucky || !(error instanceof ListenError)) throw error;
    }
  }
}

/**
 * Opens the listener of commands beside what surrounds them; without it there is neither. It is the last to open: who
 * finds the TPM by trying whether it takes a connection there may go on to the other one at once.
 */
async function join(surroundings: Listener, listen: () => Promise<Listener>): Promise<Endpoint> {
  try {
    const commands = await listen();
    return {
      port: commands.port,
      async close() {
        await Promise.all([commands.close(), surroundings.close()]);
      },
    };
  } catch (error) {
    await surroundings.close();
    throw error;
  }
}
