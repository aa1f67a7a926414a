import { homedir } from "node:os";
import { isAbsolute, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { UsageError } from "./usage-error.ts";

const DEFAULT_PORT = 2321;
const STARTUPS = ["clear", "state", "none"] as const;

/** What `vtpm serve` is asked to do. */
export interface ServeOptions {
  readonly help: boolean;
  /** Directory of the state; absent: in memory. */
  readonly state: string | undefined;
  readonly host: string;
  /** TCP port of swtpm's protocol. */
  readonly port: number | undefined;
  /** TCP port of the simulator's protocol. */
  readonly mssim: number | undefined;
  /** Path of a Unix socket for swtpm's protocol. */
  readonly socket: string | undefined;
  readonly startup: (typeof STARTUPS)[number];
  /** The text of the profile of a new TPM. */
  readonly profile: string | undefined;
  readonly json: boolean;
  readonly verbose: boolean;
}

/** Reads the arguments of `vtpm serve`. Throws a `UsageError`. */
export function parseServeOptions(args: readonly string[], environment: NodeJS.ProcessEnv): ServeOptions {
  const { values } = parse(args);
  if (values.state !== undefined && values.ephemeral === true) {
    throw new UsageError("--state and --ephemeral exclude each other");
  }
  const port = portOf("--port", values.port);
  const mssim = portOf("--mssim", values.mssim);
  const socket = values.socket === undefined ? undefined : resolve(nonEmpty("--socket", values.socket));
  const none = port === undefined && mssim === undefined && socket === undefined;
  const startup = STARTUPS.find((known) => known === (values.startup ?? "clear"));
  if (startup === undefined) {
    throw new UsageError(`--startup takes ${STARTUPS.join(", ")}, not ${JSON.stringify(values.startup)}`);
  }
  const state = values.state === undefined ? defaultStateDirectory(environment) : nonEmpty("--state", values.state);
  return {
    help: values.help === true,
    state: values.ephemeral === true ? undefined : resolve(state),
    host: nonEmpty("--host", values.host ?? "127.0.0.1"),
    port: none ? DEFAULT_PORT : port,
    mssim,
    socket,
    startup,
    profile: values.profile === undefined ? undefined : nonEmpty("--profile", values.profile),
    json: values.json === true,
    verbose: values.verbose === true,
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      strict: true,
      allowPositionals: false,
      options: {
        state: { type: "string" },
        ephemeral: { type: "boolean" },
        host: { type: "string" },
        port: { type: "string" },
        mssim: { type: "string" },
        socket: { type: "string" },
        startup: { type: "string" },
        profile: { type: "string" },
        json: { type: "boolean" },
        verbose: { type: "boolean", short: "v" },
        help: { type: "boolean", short: "h" },
      },
    });
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    // Its first sentence says what is wrong, the others how positional arguments work.
    const what = error.message.split(". ", 1)[0]?.replace(/\.?$/, "");
    throw new UsageError(`${what}: see "vtpm serve --help"`, { cause: error });
  }
}

/** Where a user's programs keep their data: the XDG base directory specification. */
function defaultStateDirectory(environment: NodeJS.ProcessEnv): string {
  const { XDG_DATA_HOME: base } = environment;
  return join(base !== undefined && isAbsolute(base) ? base : join(homedir(), ".local", "share"), "vtpm");
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

function nonEmpty(option: string, value: string): string {
  if (value === "") throw new UsageError(`${option} needs a value`);
  return value;
}
