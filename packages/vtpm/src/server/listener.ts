import { rm, stat } from "node:fs/promises";
import { createServer, type Server, type Socket } from "node:net";
import { reasonOf, systemErrorCode } from "../host-error.ts";
import { hasListener } from "../unix-socket.ts";
import { Conversation, type ConversationOptions, type Session } from "./conversation.ts";
import { ListenError } from "./listen-error.ts";

/** Clients that are served at once; more are turned away. */
const MAX_CLIENTS = 1024;

/** What is spoken at a listener. */
export interface Service extends ConversationOptions {
  /** The protocol, for a new client. */
  readonly createSession: () => Session;
}

/** A place where clients are served. */
export interface Listener {
  /** Of a TCP listener; 0 for a Unix socket. */
  readonly port: number;
  /** Takes no more clients, and ends each conversation when the request in hand has been answered. */
  close(): Promise<void>;
}

/** Listens on a TCP port; 0 chooses a free one. Rejects with a `ListenError`. */
export async function listenTcp(host: string, port: number, service: Service): Promise<Listener> {
  const { server, close } = serve(service);
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

/** Listens on a Unix socket that only its owner may use. A socket whose listener has died is replaced. */
export async function listenUnix(path: string, service: Service): Promise<Listener> {
  await removeDeadSocket(path);
  const { server, close } = serve(service);
  try {
    await listening(server, () => {
      // The socket is made within this call: no moment in which others might use it.
      const umask = process.umask(0o177);
      try {
        server.listen({ path });
      } finally {
        process.umask(umask);
      }
    });
  } catch (error) {
    throw new ListenError("ADDRESS_UNAVAILABLE", `cannot listen on ${path}: ${reasonOf(error)}`, { cause: error });
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

function serve(service: Service): { readonly server: Server; close(): Promise<void> } {
  const conversations = new Map<Socket, Conversation>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    conversations.set(socket, new Conversation(socket, service.createSession(), service));
    socket.once("close", () => conversations.delete(socket));
  });
  server.maxConnections = MAX_CLIENTS;
  return {
    server,
    close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const conversation of conversations.values()) conversation.close();
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
