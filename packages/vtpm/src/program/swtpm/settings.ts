import { getopt } from "../getopt.ts";
import { parseSubOptions, type SubOptions } from "../sub-options.ts";
import { CommandLineError, UsageError } from "../usage-error.ts";
import { type Front, OPTIONS, type OptionName, SUB_OPTIONS } from "./option-table.ts";

type SubOptionsByName = { readonly [N in keyof typeof SUB_OPTIONS]?: SubOptions<(typeof SUB_OPTIONS)[N]> };

/** A command line of swtpm: what was given, read as far as that can be done without looking at the world. */
export interface Settings extends SubOptionsByName {
  readonly front: Front;
  /** The options that were given, each with its last argument. */
  readonly given: ReadonlyMap<OptionName, string | undefined>;
  /** Descriptors that were named. */
  readonly descriptors: readonly number[];
  /** Of `--port`. */
  readonly port: number | undefined;
  /** Of a TCP server that none was named for. */
  readonly defaultPort: number | "invalid" | undefined;
  readonly fd: number | undefined;
  /** The directory of the state if `--tpmstate` is not there. */
  readonly defaultDirectory: string | undefined;
}

/** The descriptors of standard input, output and error are no connections. */
const FIRST_DESCRIPTOR = 3;
const MAX_PORT = 0xffff;
const INT_MAX = 0x7fffffff;
const UINT_MAX = 0xffffffff;
/** What kinds of sockets there are. */
const CHANNELS: readonly string[] = ["tcp", "unixio"];

/** The options behind the first word, each with its last argument. Throws a `CommandLineError`. */
export function readGiven(front: Front, args: readonly string[]): Settings["given"] {
  const known = OPTIONS.filter(({ fronts }) => fronts.includes(front));
  const { options, operands } = getopt(args, known);
  if (operands.length > 0) throw new CommandLineError(`Unknown parameter '${operands[0]}'`);
  return new Map<OptionName, string | undefined>(options.map(({ name, value }) => [name, value]));
}

/** Where messages shall go; known before everything else, so that they go there. Throws a `UsageError`. */
export function readLog(given: Settings["given"]): Settings["log"] {
  const text = given.get("log");
  return text === undefined ? undefined : parseSubOptions("logging", text, SUB_OPTIONS.log);
}

/** Whom options tell about, where that is not their name. */
const SUBJECTS: Readonly<Record<string, string>> = { log: "logging", "migration-key": "key" };

/** Reads what the options say. Throws a `UsageError`. */
export function readSettings(front: Front, given: Settings["given"], environment: NodeJS.ProcessEnv): Settings {
  const descriptors: number[] = [];
  const subOptions: Record<string, SubOptions<Record<string, "string">>> = {};
  for (const [name, kinds] of Object.entries(SUB_OPTIONS)) {
    const text = given.get(name as keyof typeof SUB_OPTIONS);
    if (text === undefined) continue;
    const values: Readonly<Record<string, unknown>> = parseSubOptions(SUBJECTS[name] ?? name, text, kinds);
    for (const kind of ["fd", "clientfd", "pwdfd"])
      if (typeof values[kind] === "number") descriptors.push(values[kind]);
    subOptions[name] = values as SubOptions<Record<string, "string">>;
  }
  const port = given.get("port");
  const fd = given.get("fd");
  const settings: Settings = {
    ...(subOptions as SubOptionsByName), // read by the declarations that this type is made of
    front,
    given,
    descriptors: fd === undefined ? descriptors : [...descriptors, descriptorOf(fd)],
    port: port === undefined ? undefined : portOf(port),
    defaultPort: defaultPortOf(environment["TPM_PORT"]),
    defaultDirectory: environment["TPM_PATH"],
    fd: fd === undefined ? undefined : descriptorOf(fd),
  };
  check(settings);
  return settings;
}

/** A number as C writes it: decimal, hexadecimal behind 0x, octal behind 0; `undefined` for anything else. */
export function cNumber(text: string, max: number): number | undefined {
  const form = /^(?:(0[xX][0-9a-fA-F]+)|0([0-7]+)|(\d+))$/.exec(text.trim());
  const [, hexadecimal, octal, decimal] = form ?? [];
  const value =
    hexadecimal !== undefined ? Number(hexadecimal) : octal !== undefined ? Number.parseInt(octal, 8) : Number(decimal);
  return form === null || value > max ? undefined : value;
}

function portOf(text: string): number {
  const port = cNumber(text, UINT_MAX);
  if (port === undefined) throw new UsageError(`Cannot parse socket port number '${text}'.`);
  if (port > MAX_PORT) throw new UsageError(`Port is outside valid range. --port is a number from 0 to ${MAX_PORT}.`);
  return port;
}

function defaultPortOf(text: string | undefined): number | "invalid" | undefined {
  return text === undefined ? undefined : (cNumber(text, MAX_PORT) ?? "invalid");
}

function descriptorOf(text: string): number {
  const fd = cNumber(text, INT_MAX);
  if (fd === undefined) throw new UsageError(`Cannot parse socket file descriptor. --fd is a number, not "${text}".`);
  if (fd < FIRST_DESCRIPTOR) throw new UsageError("Error: Cannot accept file descriptors with values 0, 1, or 2");
  return fd;
}

/** Throws for a device that is not named. */
export function checkSource({ front, given, fd }: Settings): void {
  if (front === "chardev" && !given.has("chardev") && fd === undefined && !given.has("vtpm-proxy")) {
    throw new UsageError(
      "Error: Missing character device or file descriptor. Give --chardev DEVICE, --fd N or --vtpm-proxy.",
    );
  }
}

/** What no option can mean, and what options cannot mean together. */
function check({
  server,
  ctrl,
  log,
  key,
  "migration-key": migrationKey,
  seccomp,
  profile,
  pid,
  ...rest
}: Settings): void {
  const oneOf = (complaint: string, value: string | undefined, words: readonly string[]): void => {
    if (value !== undefined && !words.includes(value))
      throw new UsageError(`${complaint} It is ${words.join(", or ")}.`);
  };
  if (ctrl !== undefined && ctrl.type === undefined) {
    throw new UsageError("Missing type parameter for control channel");
  }
  oneOf(`Unsupported control channel type: ${ctrl?.type}.`, ctrl?.type, CHANNELS);
  oneOf(`Unsupported socket type: ${server?.type}.`, server?.type, CHANNELS);
  for (const [what, port] of [
    ["TCP control channel", ctrl?.port],
    ["TCP socket", server?.port],
  ] as const) {
    if (port !== undefined && port > MAX_PORT) throw new UsageError(`${what} port outside valid range`);
  }
  if (server?.type === "unixio" && server.fd === undefined && server.path === undefined) {
    throw new UsageError("Missing path and file descriptor option for UnixIO socket");
  }
  if (ctrl?.type === "unixio" && ctrl.fd === undefined && ctrl.clientfd === undefined && ctrl.path === undefined) {
    throw new UsageError("Missing path and fd options for UnixIO control channel");
  }
  if (ctrl?.type === "tcp" && ctrl.fd === undefined && ctrl.port === undefined) {
    throw new UsageError("Missing port and fd options for TCP control channel");
  }
  for (const [name, source] of [
    ["key", key],
    ["migration-key", migrationKey],
  ] as const) {
    if (source === undefined) continue;
    oneOf(`Unknown key format '${source.format}'.`, source.format, ["hex", "binary"]);
    oneOf(`Unknown kdf '${source.kdf}'.`, source.kdf, ["pbkdf2", "sha512"]);
    oneOf(`Unknown encryption mode '${source.mode}'.`, source.mode, ["aes-cbc", "aes-128-cbc", "aes-256-cbc"]);
    if ([source.file, source.fd, source.pwdfile, source.pwdfd].every((from) => from === undefined)) {
      throw new UsageError(`Either file=, fd=, pwdfile=, or pwdfd= is required for key option --${name}`);
    }
  }
  if (log !== undefined && log.file !== undefined && log.fd !== undefined) {
    throw new UsageError("--log takes file= or fd=, not both");
  }
  if (pid !== undefined && pid.file === undefined && pid.fd === undefined) {
    throw new UsageError("The file or fd parameter is required for the pid option.");
  }
  if (rest.given.has("seccomp")) {
    const { action = "" } = seccomp ?? {};
    oneOf(`Unsupported seccomp log action ${action}.`, action, ["none", "log", "kill"]);
  }
  if (rest.given.has("profile")) {
    const sources = [profile?.name, profile?.profile, profile?.file, profile?.fd].filter((from) => from !== undefined);
    if (sources.length > 1) {
      throw new UsageError("Only one profile option parameter of 'profile', 'name', 'fd', or 'file' may be provided");
    }
    if (sources.length === 0) throw new UsageError("No profile option parameter given to get a profile");
    const removal = profile?.["remove-disabled"];
    oneOf(`Invalid option parameter '${removal}' for 'remove-disabled'.`, removal, ["check", "fips-host"]);
  }
  if (rest.given.has("vtpm-proxy") && (rest.given.has("chardev") || rest.fd !== undefined)) {
    throw new UsageError(
      "Cannot use vTPM proxy with a provided device. It makes one of its own: leave --chardev and --fd out.",
    );
  }
  if (rest.pcap !== undefined && (rest.pcap.file === undefined) === (rest.pcap.fd === undefined)) {
    throw new UsageError("--pcap takes file= or fd=");
  }
}
