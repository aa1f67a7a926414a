import { closeSync, fstatSync, openSync } from "node:fs";
import type { Socket } from "node:net";
import { systemReason } from "../../host-error.ts";
import { NativeError } from "../../native/native-error.ts";
import type { Poller } from "../../native/poller.ts";
import type { ClientStream } from "../../server/conversation.ts";
import { connectionOf, DescriptorStream, messagesOf } from "../../server/descriptor-stream.ts";
import { ListenError } from "../../server/listen-error.ts";
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
    if (isDevice(fd)) return { ...CONNECTED, device: fd };
    data.admit(givenConnection(bad(fd, "TCP socket"), fd, poller));
    return CONNECTED;
  }
  if (server?.type === "unixio") {
    const { fd: listening, path = "" } = server;
    const listener =
      listening === undefined
        ? await made(UNIX_SOCKET, () => listenUnix(path, data, { ...ownership(server), replace: true }))
        : await made(bad(listening, "UnixIO control channel"), () => listenDescriptor(listening, data));
    return { listener, present: true, disconnect: server.disconnect === true, endsProgram: terminate };
  }
  if (server?.fd !== undefined) {
    data.admit(givenConnection(bad(server.fd, "TCP socket"), server.fd, poller));
    return { present: true, disconnect: server.disconnect === true, endsProgram: true };
  }
  if (server !== undefined || port !== undefined) {
    const wanted = port ?? server?.port ?? defaultPort;
    if (wanted === undefined || wanted === "invalid") {
      throw new UsageError(
        "TPM_PORT is not set or contains an invalid integer value. --server type=tcp needs port=N, fd=N or TPM_PORT.",
      );
    }
    const listener = await made(TCP_SOCKET, () => listenTcp(addressOf(server), wanted, data));
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
    const { fd, port = 0 } = ctrl;
    const listener =
      fd === undefined
        ? await made(TCP_SOCKET, () => listenTcp(addressOf(ctrl), port, control))
        : await made(bad(fd, "TCP control channel"), () => listenDescriptor(fd, control));
    return { listener, endsProgram };
  }
  const { fd, clientfd, path = "" } = ctrl;
  const door = (reception: Reception, socket: Socket): void => reception.admit(messagesFrom(socket, poller));
  if (fd !== undefined) {
    const listener = await made(bad(fd, "UnixIO control channel"), () => listenDescriptor(fd, control, door));
    return { listener, endsProgram };
  }
  if (clientfd !== undefined) {
    control.admit(opened(bad(clientfd, "UnixIO client control channel"), () => messagesOf(clientfd, poller())));
    return { endsProgram };
  }
  const listener = await made(UNIX_SOCKET, () =>
    listenUnix(path, control, { ...ownership(ctrl), replace: true, door }),
  );
  return { listener, endsProgram };
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
  const fd = opened(`Cannot open ${path}`, () => openSync(path, "r+"));
  if (fstatSync(fd).isCharacterDevice()) return fd;
  closeSync(fd);
  throw new OpenError(`Given file descriptor type is not supported. ${path} is not a character device.`);
}

/** Whether an inherited descriptor is a device; throws for what commands cannot come from. */
function isDevice(fd: number): boolean {
  const status = opened("Cannot stat file descriptor", () => fstatSync(fd));
  if (status.isFile() || status.isDirectory() || status.isBlockDevice()) {
    throw new OpenError(
      `Given file descriptor type is not supported. Descriptor ${fd} is neither a socket nor a character device.`,
    );
  }
  return status.isCharacterDevice();
}

function givenConnection(complaint: string, fd: number, poller: () => Poller) {
  return opened(complaint, () => connectionOf(fd, poller));
}

/** How swtpm begins to tell what could not be opened. */
const UNIX_SOCKET = "Could not open UnixIO socket";
const TCP_SOCKET = "Could not open TCP socket";
const bad = (fd: number, what: string): string => `Bad filedescriptor ${fd} for ${what}`;

function opened<T>(complaint: string, open: () => T): T {
  try {
    return open();
  } catch (error) {
    throw new OpenError(`${complaint}: ${systemReason(error)}`, { cause: error });
  }
}

async function made(complaint: string, listen: () => Promise<Listener>): Promise<Listener> {
  try {
    return await listen();
  } catch (error) {
    if (!(error instanceof ListenError) || error.cause === undefined) throw error;
    throw new OpenError(`${complaint}: ${systemReason(error.cause)}: ${error.message}`, { cause: error });
  }
}
