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
  readonly defaultPort: number | undefined;
  readonly fd: number | undefined;
  /** The directory of the state if `--tpmstate` is not there. */
  readonly defaultDirectory: string | undefined;
}

/** The descriptors of standard input, output and error are no connections. */
const FIRST_DESCRIPTOR = 3;
const MAX_PORT = 0xffff;

/** Reads the options behind the first word. Throws a `UsageError`. */
export function readSettings(front: Front, args: readonly string[], environment: NodeJS.ProcessEnv): Settings {
  const known = OPTIONS.filter(({ fronts }) => fronts.includes(front));
  const { options, operands } = getopt(args, known);
  if (operands.length > 0) throw new CommandLineError(`unexpected argument "${operands[0]}"`);
  const given = new Map<OptionName, string | undefined>(options.map(({ name, value }) => [name, value]));
  const descriptors: number[] = [];
  const subOptions: Record<string, SubOptions<Record<string, "string">>> = {};
  for (const [name, kinds] of Object.entries(SUB_OPTIONS)) {
    const text = given.get(name as keyof typeof SUB_OPTIONS);
    if (text === undefined) continue;
    const values: Readonly<Record<string, unknown>> = parseSubOptions(`--${name}`, text, kinds);
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
    port: portOf("--port", port),
    defaultPort: portOf("TPM_PORT", environment["TPM_PORT"]),
    defaultDirectory: environment["TPM_PATH"],
    fd: fd === undefined ? undefined : descriptorOf(fd),
  };
  check(settings);
  return settings;
}

/** A number as C writes it: decimal, hexadecimal behind 0x, octal behind 0. */
export function cNumber(what: string, text: string, max: number): number {
  const form = /^(?:(0[xX][0-9a-fA-F]+)|0([0-7]+)|(\d+))$/.exec(text.trim());
  const [, hexadecimal, octal, decimal] = form ?? [];
  const value =
    hexadecimal !== undefined ? Number(hexadecimal) : octal !== undefined ? Number.parseInt(octal, 8) : Number(decimal);
  if (form === null || value > max) throw new UsageError(`${what} is a number from 0 to ${max}, not "${text}"`);
  return value;
}

function portOf(what: string, text: string | undefined): number | undefined {
  return text === undefined ? undefined : cNumber(what, text, MAX_PORT);
}

function descriptorOf(text: string): number {
  const fd = cNumber("--fd", text, 0x7fffffff);
  if (fd < FIRST_DESCRIPTOR) throw new UsageError(`--fd is a descriptor from ${FIRST_DESCRIPTOR} on, not ${fd}`);
  return fd;
}

/** Throws for a TPM that nobody could reach. */
export function checkSource({ front, given, server, port, fd, ctrl }: Settings): void {
  if (front === "chardev" && !given.has("chardev") && fd === undefined && !given.has("vtpm-proxy")) {
    throw new UsageError("where are the commands? give --chardev DEVICE, --fd N or --vtpm-proxy");
  }
  if (front === "socket" && [server, port, fd, ctrl].every((source) => source === undefined)) {
    throw new UsageError(
      "where are the commands? give --server, --port, --fd or, for a data channel passed later, --ctrl",
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
  const oneOf = (what: string, value: string | undefined, words: readonly string[]): void => {
    if (value !== undefined && !words.includes(value)) {
      throw new UsageError(`${what} takes ${words.join(", ")}, not "${value}"`);
    }
  };
  for (const [name, channel] of [
    ["--server", server],
    ["--ctrl", ctrl],
  ] as const) {
    if (channel === undefined) continue;
    if (name === "--ctrl" && channel.type === undefined) throw new UsageError("--ctrl needs type=tcp or type=unixio");
    oneOf(`${name} type`, channel.type, ["tcp", "unixio"]);
    if (channel.port !== undefined && channel.port > MAX_PORT) {
      throw new UsageError(`${name} port is a number from 0 to ${MAX_PORT}, not ${channel.port}`);
    }
  }
  if (server?.type === "unixio" && server.fd === undefined && server.path === undefined) {
    throw new UsageError("--server type=unixio needs path= or fd=");
  }
  if (ctrl?.type === "unixio" && ctrl.fd === undefined && ctrl.clientfd === undefined && ctrl.path === undefined) {
    throw new UsageError("--ctrl type=unixio needs path=, fd= or clientfd=");
  }
  if (ctrl?.type === "tcp" && ctrl.fd === undefined && ctrl.port === undefined) {
    throw new UsageError("--ctrl type=tcp needs port= or fd=");
  }
  for (const [name, source] of [
    ["--key", key],
    ["--migration-key", migrationKey],
  ] as const) {
    if (source === undefined) continue;
    oneOf(`${name} format`, source.format, ["hex", "binary"]);
    oneOf(`${name} kdf`, source.kdf, ["pbkdf2", "sha512"]);
    oneOf(`${name} mode`, source.mode, ["aes-cbc", "aes-128-cbc", "aes-256-cbc"]);
    if ([source.file, source.fd, source.pwdfile, source.pwdfd].every((from) => from === undefined)) {
      throw new UsageError(`${name} needs file=, fd=, pwdfile= or pwdfd=`);
    }
  }
  if (log !== undefined && log.file !== undefined && log.fd !== undefined) {
    throw new UsageError("--log takes file= or fd=, not both");
  }
  if (pid !== undefined && (pid.file === undefined) === (pid.fd === undefined)) {
    throw new UsageError("--pid takes file= or fd=");
  }
  if (rest.given.has("seccomp")) oneOf("--seccomp action", seccomp?.action ?? "", ["none", "log", "kill"]);
  if (rest.given.has("profile")) {
    const sources = [profile?.name, profile?.profile, profile?.file, profile?.fd].filter((from) => from !== undefined);
    if (sources.length !== 1) throw new UsageError("--profile takes exactly one of name=, profile=, file= and fd=");
    oneOf("--profile remove-disabled", profile?.["remove-disabled"], ["check", "fips-host"]);
  }
  if (rest.given.has("vtpm-proxy") && (rest.given.has("chardev") || rest.fd !== undefined)) {
    throw new UsageError("--vtpm-proxy makes a device of its own: it goes with neither --chardev nor --fd");
  }
  if (rest.pcap !== undefined && (rest.pcap.file === undefined) === (rest.pcap.fd === undefined)) {
    throw new UsageError("--pcap takes file= or fd=");
  }
}
