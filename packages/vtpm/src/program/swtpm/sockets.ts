import { closeSync, fstatSync, openSync } from "node:fs";
import type { Socket } from "node:net";
import { reasonOf } from "../../host-error.ts";
import { NativeError } from "../../native/native-error.ts";
import type { Poller } from "../../native/poller.ts";
import type { ClientStream } from "../../server/conversation.ts";
import { connectionOf, DescriptorStream, messagesOf } from "../../server/descriptor-stream.ts";
import { type Listener, listenDescriptor, listenTcp, listenUnix } from "../../server/listener.ts";
import type { Reception } from "../../server/reception.ts";
import { UsageError } from "../usage-error.ts";
import { OpenError } from "./log.ts";
import type { Settings } from "./settings.ts";

/** Where a socket is opened that everybody on this machine, but nobody else, can reach. */
const LOCALHOST = "127.0.0.1";
/** Of a Unix socket, unless `mode=` says otherwise. */
const SOCKET_MODE = 0o770;

/** The rooms that clients come into. */
export interface Receptions {
  readonly data: Reception;
  readonly control: Reception;
}

/** What commands come through. */
export interface DataSource {
  /** Absent: connected already, or to be connected by SET_DATAFD. */
  readonly listener?: Listener;
  /** A character device, each read of which is a command. */
  readonly device?: number;
  /** Whether there is a source at all; otherwise SET_DATAFD may bring one. */
  readonly present: boolean;
  /** Whether a connection ends with a response. */
  readonly disconnect: boolean;
  /** Whether the program ends with the connection. */
  readonly endsProgram: boolean;
}

/** A source that is there from the start and ends the program with itself. */
const CONNECTED: DataSource = { present: true, disconnect: false, endsProgram: true };

export interface ControlSource {
  readonly listener?: Listener;
  readonly endsProgram: boolean;
}

/** Opens what `--server`, `--port`, `--fd` and `--chardev` name. Rejects with a `HostError`. */
export async function openData(settings: Settings, { data }: Receptions, poller: () => Poller): Promise<DataSource> {
  const { front, server, port, fd, defaultPort, given } = settings;
  const terminate = given.has("terminate");
  const device = given.get("chardev");
  if (device !== undefined) return { ...CONNECTED, device: openDevice(device) };
  if (given.has("vtpm-proxy") || front === "cuse") return CONNECTED;
  if (fd !== undefined) {
    if (isDevice("--fd", fd)) return { ...CONNECTED, device: fd };
    data.admit(givenConnection("--fd", fd, poller));
    return CONNECTED;
  }
  if (server?.type === "unixio") {
    const listener =
      server.fd === undefined
        ? await listenUnix(server.path ?? "", data, { ...ownership(server), replace: true })
        : await listenDescriptor(server.fd, data);
    return { listener, present: true, disconnect: server.disconnect === true, endsProgram: terminate };
  }
  if (server?.fd !== undefined) {
    data.admit(givenConnection("--server fd", server.fd, poller));
    return { present: true, disconnect: server.disconnect === true, endsProgram: true };
  }
  if (server !== undefined || port !== undefined) {
    const wanted = port ?? server?.port ?? defaultPort;
    if (wanted === undefined)
      throw new UsageError("--server type=tcp needs port=N, fd=N or the environment's TPM_PORT");
    const listener = await listenTcp(addressOf(server), wanted, data);
    return {
      listener,
      present: true,
      disconnect: port !== undefined || server?.disconnect === true,
      endsProgram: terminate,
    };
  }
  return { present: false, disconnect: false, endsProgram: terminate };
}

/** Opens what `--ctrl` names. Rejects with a `HostError`. */
export async function openControl(
  { ctrl }: Settings,
  { control }: Receptions,
  poller: () => Poller,
): Promise<ControlSource | undefined> {
  if (ctrl === undefined) return undefined;
  const endsProgram = ctrl.terminate === true;
  if (ctrl.type === "tcp") {
    const listener =
      ctrl.fd === undefined
        ? await listenTcp(addressOf(ctrl), ctrl.port ?? 0, control)
        : await listenDescriptor(ctrl.fd, control);
    return { listener, endsProgram };
  }
  const door = (reception: Reception, socket: Socket): void => reception.admit(messagesFrom(socket, poller));
  if (ctrl.fd !== undefined) return { listener: await listenDescriptor(ctrl.fd, control, door), endsProgram };
  if (ctrl.clientfd !== undefined) {
    control.admit(opened("--ctrl clientfd", ctrl.clientfd, () => messagesOf(ctrl.clientfd ?? -1, poller())));
    return { endsProgram };
  }
  return {
    listener: await listenUnix(ctrl.path ?? "", control, { ...ownership(ctrl), replace: true, door }),
    endsProgram,
  };
}

/** Messages of a Unix socket may bring a descriptor; where it cannot be taken, everything else goes on without. */
function messagesFrom(socket: Socket, poller: () => Poller): ClientStream {
  try {
    return DescriptorStream.ofSocket(socket, poller());
  } catch (error) {
    if (error instanceof NativeError) return socket;
    throw error;
  }
}

function addressOf(channel: { readonly bindaddr?: string; readonly ifname?: string } | undefined): string {
  const { bindaddr = LOCALHOST, ifname } = channel ?? {};
  return ifname === undefined ? bindaddr : `${bindaddr}%${ifname}`;
}

const ownership = ({ mode, uid, gid }: { readonly mode?: number; readonly uid?: number; readonly gid?: number }) => ({
  mode: mode ?? SOCKET_MODE,
  uid,
  gid,
});

function openDevice(path: string): number {
  let fd: number;
  try {
    fd = openSync(path, "r+");
  } catch (error) {
    throw new OpenError(`--chardev: cannot open ${path}: ${reasonOf(error)}`, { cause: error });
  }
  if (fstatSync(fd).isCharacterDevice()) return fd;
  closeSync(fd);
  throw new OpenError(`--chardev: ${path} is not a character device`);
}

/** Whether an inherited descriptor is a device; throws for what commands cannot come from. */
function isDevice(option: string, fd: number): boolean {
  return opened(option, fd, () => {
    const status = fstatSync(fd);
    if (status.isFile() || status.isDirectory() || status.isBlockDevice()) {
      throw new OpenError("it is neither a socket nor a character device");
    }
    return status.isCharacterDevice();
  });
}

function givenConnection(option: string, fd: number, poller: () => Poller) {
  return opened(option, fd, () => connectionOf(fd, poller));
}

function opened<T>(option: string, fd: number, open: () => T): T {
  try {
    return open();
  } catch (error) {
    throw new OpenError(`${option}: descriptor ${fd} cannot be used: ${reasonOf(error)}`, { cause: error });
  }
}
