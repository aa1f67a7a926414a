import { connect, isIPv6, type Socket } from "node:net";
import { HostError, systemReason } from "../host-error.ts";
import type { OptionDeclaration } from "./getopt.ts";
import { UsageError } from "./usage-error.ts";

/** Where a TPM, or its control channel, is reached. */
export type TpmAddress = SocketAddress | { readonly device: string };
export type SocketAddress = { readonly host: string; readonly port: number } | { readonly path: string };

/** Nobody answers there. */
export class ConnectError extends HostError {
  override readonly name = "ConnectError";
  readonly code = "CONNECT";
}

/** The options by which swtpm's tools are told where. */
export const ADDRESS_OPTIONS = [
  { name: "tpm-device", argument: "required" },
  { name: "tcp", argument: "required" },
  { name: "unix", argument: "required" },
] as const satisfies readonly OptionDeclaration[];

/** What was given of these options, the last of each. A device goes before TCP, TCP before a Unix socket. */
export class GivenAddress {
  readonly #defaultPort: number;
  #device: string | undefined;
  #tcp: SocketAddress | undefined;
  #unix: string | undefined;

  constructor(defaultPort: number) {
    this.#defaultPort = defaultPort;
  }

  take(option: (typeof ADDRESS_OPTIONS)[number]["name"], value: string): void {
    if (option === "tpm-device") this.#device = value;
    else if (option === "tcp") this.#tcp = parseTcpAddress(value, this.#defaultPort);
    else this.#unix = value;
  }

  get address(): TpmAddress | undefined {
    if (this.#device !== undefined) return { device: this.#device };
    return this.#tcp ?? (this.#unix === undefined ? undefined : { path: this.#unix });
  }
}

/** `[HOST]:[PORT]` or `HOST`; an IPv6 address may be in brackets. */
function parseTcpAddress(text: string, defaultPort: number): SocketAddress {
  const colon = isIPv6(text) ? -1 : text.lastIndexOf(":");
  const host = (colon === -1 ? text : text.slice(0, colon)).replace(/^\[(.*)\]$/, "$1");
  const port = colon === -1 ? "" : text.slice(colon + 1);
  return { host: host === "" ? "127.0.0.1" : host, port: port === "" ? defaultPort : parsePort(port) };
}

export function parsePort(text: string): number {
  if (!/^\d+$/.test(text)) throw new UsageError(`Invalid port '${text}'`);
  const port = Number(text);
  if (port > 0xffff) throw new UsageError(`Port '${text}' outside valid range.`);
  return port;
}

/** How a program begins to tell that it could not connect. */
export type ConnectComplaint = (address: SocketAddress) => string;

/** Rejects with a `ConnectError`. */
export function connectTo(address: SocketAddress, complaint: ConnectComplaint): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(address);
    const fail = (error: Error) =>
      reject(new ConnectError(`${complaint(address)}: ${systemReason(error)}`, { cause: error }));
    socket.once("error", fail);
    socket.once("connect", () => {
      socket.off("error", fail).setNoDelay(true);
      resolve(socket);
    });
  });
}
