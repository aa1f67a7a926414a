import { chmodSync, chownSync, existsSync } from "node:fs";
import { rm, stat } from "node:fs/promises";
import { createServer, type Server, type Socket } from "node:net";
import { constants } from "node:os";
import { dirname } from "node:path";
import { reasonOf, systemErrorCode } from "../host-error.ts";
import { hasListener } from "../unix-socket.ts";
import { DirectSocket } from "./direct-socket.ts";
import { ListenError } from "./listen-error.ts";
import type { Reception } from "./reception.ts";

/** A place where clients come in. */
export interface Listener {
  /** Of a TCP listener; 0 for others. */
  readonly port: number;
  /** Takes no more clients, and ends the conversations of those that are there. */
  close(): Promise<void>;
}

/** Makes of an accepted connection, of which nothing has been read, what the reception gets. */
type Door = (reception: Reception, socket: Socket) => void;

const plainDoor: Door = (reception, socket) => reception.admit(DirectSocket.ofAccepted(socket));

/** Listens on a TCP port; 0 chooses a free one. Rejects with a `ListenError`. */
export async function listenTcp(host: string, port: number, reception: Reception): Promise<Listener> {
  const { server, close } = acceptor(reception, plainDoor);
  try {
    await listening(server, () => server.listen({ host, port }));
  } catch (error) {
    const inUse = systemErrorCode(error) === "EADDRINUSE";
    throw new ListenError(
      inUse ? "ADDRESS_IN_USE" : "ADDRESS_UNAVAILABLE",
      inUse
        ? `port ${port} of ${host} is in use: choose another one, or 0 for any that is free`
        : `cannot listen on port ${port} of ${host}: ${reasonOf(error)}`,
      { cause: error },
    );
  }
  const address = server.address();
  return { port: typeof address === "object" && address !== null ? address.port : port, close };
}

/** Bytes of the path of a Unix socket, without the zero behind it. */
const PATH_MAX = 107;

export interface UnixSocketOptions {
  /** Who may use it; its owner only unless given. */
  readonly mode?: number | undefined;
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
  /** Whether whatever is at the path gives way; otherwise only a socket whose listener has died does. */
  readonly replace?: boolean;
  readonly door?: Door;
}

/** Listens on a Unix socket. */
export async function listenUnix(
  path: string,
  reception: Reception,
  options: UnixSocketOptions = {},
): Promise<Listener> {
  if (Buffer.byteLength(path) > PATH_MAX) {
    // Node.js would cut it off.
    throw new ListenError(
      "ADDRESS_UNAVAILABLE",
      `Path for UnixIO socket is too long, ${PATH_MAX} bytes are possible: ${path}`,
    );
  }
  if (!options.replace) await removeDeadSocket(path);
  const { server, close } = acceptor(reception, options.door ?? plainDoor);
  try {
    if (options.replace) await rm(path, { force: true });
    await listening(server, () => {
      // The socket is made within this call: no moment in which others might use it.
      const umask = process.umask(0o177);
      try {
        server.listen({ path });
      } finally {
        process.umask(umask);
      }
    });
    const { mode, uid, gid } = options;
    if (uid !== undefined || gid !== undefined) chownSync(path, uid ?? -1, gid ?? -1);
    if (mode !== undefined) chmodSync(path, mode);
  } catch (error) {
    server.close();
    const cause = existsSync(dirname(path)) ? error : missing();
    throw new ListenError("ADDRESS_UNAVAILABLE", `cannot listen on ${path}: ${reasonOf(cause)}`, { cause });
  }
  return { port: 0, close };
}

/** Node.js says that it has no access where there is no such directory. */
function missing(): Error {
  return Object.assign(new Error("no such directory"), { code: "ENOENT", errno: -constants.errno.ENOENT });
}

/** Serves clients of a socket that listens already and was inherited as a descriptor. */
export async function listenDescriptor(fd: number, reception: Reception, door: Door = plainDoor): Promise<Listener> {
  const { server, close } = acceptor(reception, door);
  try {
    await listening(server, () => server.listen({ fd }));
  } catch (error) {
    throw new ListenError("ADDRESS_UNAVAILABLE", `descriptor ${fd} cannot be listened on: ${reasonOf(error)}`, {
      cause: error,
    });
  }
  return { port: 0, close };
}

async function removeDeadSocket(path: string): Promise<void> {
  const status = await stat(path).catch(() => undefined);
  if (status === undefined) return;
  if (!status.isSocket()) {
    throw new ListenError("ADDRESS_IN_USE", `${path} exists and is not a socket: choose another path, or remove it`);
  }
  if (await hasListener(path)) {
    throw new ListenError("ADDRESS_IN_USE", `${path} is in use by another process: choose another path, or stop it`);
  }
  await rm(path, { force: true });
}

function acceptor(reception: Reception, door: Door): { readonly server: Server; close(): Promise<void> } {
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true }, (socket) =>
    door(reception, socket),
  );
  return {
    server,
    close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      reception.close();
      return closed;
    },
  };
}

function listening(server: Server, listen: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.once("listening", () => {
      server.removeListener("error", reject);
      // A connection that could not be accepted is lost to its client only.
      server.on("error", () => {});
      resolve();
    });
    listen();
  });
}
