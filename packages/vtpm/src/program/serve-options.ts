import { resolve } from "node:path";
import type { TPM_SU } from "../host/tpm2-messages.ts";
import { defaultStateDirectory } from "./default-directories.ts";
import { startupOf } from "./startup-option.ts";
import { type StateLocation, stateLocation } from "./state-location.ts";
import { nonEmpty, parseOptions } from "./subcommand.ts";
import { UsageError } from "./usage-error.ts";

const DEFAULT_PORT = 2321;

/** What `vtpm serve` is asked to do. */
export interface ServeOptions {
  readonly help: boolean;
  /** Where the state of each TPM is; `undefined`: in memory. More than one only for the vTPM proxy. */
  readonly states: readonly (StateLocation | undefined)[];
  readonly host: string;
  /** TCP port of swtpm's protocol. */
  readonly port: number | undefined;
  /** TCP port of the simulator's protocol. */
  readonly mssim: number | undefined;
  /** Path of a Unix socket for swtpm's protocol. */
  readonly socket: string | undefined;
  /** Whether the TPM becomes a device of the running kernel. */
  readonly vtpmProxy: boolean;
  /** The name of a character device to be made, controlled by swtpm's ioctls. */
  readonly cuse: string | undefined;
  /** What is sent to the TPM first; nothing if absent. */
  readonly startup: TPM_SU | undefined;
  /** The text of the profile of a new TPM. */
  readonly profile: string | undefined;
  readonly json: boolean;
  readonly verbose: boolean;
}

/** Reads the arguments of `vtpm serve`. Throws a `UsageError`. */
export function parseServeOptions(args: readonly string[], environment: NodeJS.ProcessEnv): ServeOptions {
  const values = parseOptions("serve", args, {
    state: { type: "string", multiple: true },
    ephemeral: { type: "boolean" },
    host: { type: "string" },
    port: { type: "string" },
    mssim: { type: "string" },
    socket: { type: "string" },
    "vtpm-proxy": { type: "boolean" },
    cuse: { type: "string" },
    startup: { type: "string" },
    profile: { type: "string" },
    json: { type: "boolean" },
    verbose: { type: "boolean", short: "v" },
    help: { type: "boolean", short: "h" },
  });
  if (values.state !== undefined && values.ephemeral === true) {
    throw new UsageError("--state and --ephemeral exclude each other");
  }
  const port = portOf("--port", values.port);
  const mssim = portOf("--mssim", values.mssim);
  const socket = values.socket === undefined ? undefined : resolve(nonEmpty("--socket", values.socket));
  const vtpmProxy = values["vtpm-proxy"] === true;
  const cuse = values.cuse === undefined ? undefined : nonEmpty("--cuse", values.cuse);
  const directories = values.state ?? [defaultStateDirectory(environment)];
  const elsewhere = [port, mssim, socket, cuse].some((place) => place !== undefined);
  if (directories.length > 1 && (elsewhere || !vtpmProxy)) {
    throw new UsageError(
      "--state can be given several times only for devices of --vtpm-proxy: other places serve one TPM",
    );
  }
  return {
    help: values.help === true,
    states:
      values.ephemeral === true
        ? [undefined]
        : directories.map((directory) => stateLocation("--state", nonEmpty("--state", directory))),
    host: nonEmpty("--host", values.host ?? "127.0.0.1"),
    port: elsewhere || vtpmProxy ? port : DEFAULT_PORT,
    mssim,
    socket,
    vtpmProxy,
    cuse,
    startup: startupOf(values.startup),
    profile: values.profile === undefined ? undefined : nonEmpty("--profile", values.profile),
    json: values.json === true,
    verbose: values.verbose === true,
  };
}

function portOf(option: string, value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  const port = Number(value);
  // The port above it belongs to it.
  if (!/^\d+$/.test(value) || port > 0xfffe) {
    throw new UsageError(`${option} takes a port from 0 to 65534, not ${JSON.stringify(value)}`);
  }
  return port;
}
