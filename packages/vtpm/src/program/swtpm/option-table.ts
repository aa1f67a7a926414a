import type { OptionDeclaration } from "../getopt.ts";
import type { SubOptionKinds } from "../sub-options.ts";

/** How swtpm is reached: the first word of its command line. */
export type Front = "socket" | "chardev" | "cuse";

/** An option of swtpm: where it is known, and what `--help` says of it. */
export interface SwtpmOption extends OptionDeclaration {
  readonly fronts: readonly Front[];
  /** The argument as the help names it. */
  readonly value?: string;
  readonly help: string;
}

const ALL: readonly Front[] = ["socket", "chardev", "cuse"];
const SERVED: readonly Front[] = ["socket", "chardev"];

const option = <const N extends string>(
  name: N,
  rest: Omit<SwtpmOption, "name" | "argument" | "fronts"> & { fronts?: readonly Front[] },
) => ({ fronts: ALL, ...rest, name, ...(rest.value === undefined ? {} : { argument: "required" as const }) });

/** Every option of swtpm, once. */
export const OPTIONS = [
  option("port", {
    short: "p",
    value: "N",
    fronts: ["socket"],
    help: "commands on TCP port N of 127.0.0.1; the connection is closed after each response",
  }),
  option("server", {
    value: "type=tcp|unixio,...",
    fronts: ["socket"],
    help:
      "where commands come from: type=tcp[,port=N][,bindaddr=A][,ifname=I][,disconnect], type=tcp,fd=N (connected), " +
      "type=unixio,path=P[,mode=M][,uid=U][,gid=G][,disconnect], type=unixio,fd=N (listening)",
  }),
  option("fd", {
    short: "f",
    value: "N",
    fronts: SERVED,
    help: "commands come from this open socket or character device; its end is the end of the program",
  }),
  option("terminate", { short: "t", fronts: ["socket"], help: "end when the client has closed the data connection" }),
  option("chardev", {
    short: "c",
    value: "DEV",
    fronts: ["chardev"],
    help: "commands come from this character device",
  }),
  option("vtpm-proxy", { fronts: ["chardev"], help: "make a /dev/tpmN with the kernel's vTPM proxy and serve it" }),
  option("name", { short: "n", value: "NAME", fronts: ["cuse"], help: "the device to make: /dev/NAME" }),
  option("maj", { short: "M", value: "N", fronts: ["cuse"], help: "major number of the device" }),
  option("min", { short: "m", value: "N", fronts: ["cuse"], help: "minor number of the device" }),
  option("ctrl", {
    value: "type=tcp|unixio,...",
    fronts: SERVED,
    help:
      "the control channel: type=unixio,path=P|fd=N|clientfd=N[,mode=M][,uid=U][,gid=G][,terminate], " +
      "type=tcp,port=N|fd=N[,bindaddr=A][,ifname=I][,terminate]",
  }),
  option("tpmstate", {
    value: "dir=D,...",
    help:
      "where the state is: dir=D or backend-uri=dir://D or backend-uri=file://F, then [,mode=M][,lock[=bool]][,backup][,fsync]; " +
      "without it the directory that TPM_PATH names",
  }),
  option("tpm2", { help: "a TPM 2.0" }),
  option("daemon", { short: "d", fronts: SERVED, help: "go on in the background once commands are served" }),
  option("log", {
    value: "fd=N|file=F,...",
    help: "where messages go: fd=N or file=F (- for nowhere), then [,level=N][,prefix=S][,truncate]",
  }),
  option("locality", {
    value: "WHAT,...",
    help: "reject-locality-4 keeps it out of reach; allow-set-locality takes the vTPM proxy's SetLocality command",
  }),
  option("key", {
    value: "file=F|fd=N|pwdfile=F|pwdfd=N,...",
    help:
      "the key that state is encrypted with: file=F|fd=N[,format=hex|binary] or pwdfile=F|pwdfd=N[,kdf=pbkdf2|sha512], then " +
      "[,mode=aes-cbc|aes-128-cbc|aes-256-cbc][,remove[=bool]]",
  }),
  option("migration-key", { value: "file=F|...", help: "the key that state blobs are encrypted with; as --key" }),
  option("pid", { value: "file=F|fd=N", help: "write the process id to a file" }),
  option("runas", {
    short: "r",
    value: "USER",
    help: "become this user, by name or number, before anything is opened",
  }),
  option("chroot", { short: "R", value: "DIR", help: "make DIR the root directory first" }),
  option("seccomp", {
    value: "action=none|log|kill",
    help: "what happens on a system call that a TPM does not need: nothing, a line in the kernel's log, the end (default)",
  }),
  option("flags", {
    value: "WHAT,...",
    help:
      "not-need-init: start the TPM without waiting for INIT; startup-clear, startup-state, startup-none: the same, and send " +
      "it TPM2_Startup; disable-auto-shutdown: send no TPM2_Shutdown at the end",
  }),
  option("migration", {
    value: "incoming|release-lock-outgoing,...",
    help: "incoming: take the lock of the state only when it has arrived; release-lock-outgoing: give it up when it has left",
  }),
  option("profile", {
    value: "name=N|profile=JSON|file=F|fd=N,...",
    help: "what a new TPM can do: a name or JSON, then [,remove-disabled=check|fips-host]",
  }),
  option("pcap", {
    value: "file=F|fd=N,...",
    help: "record commands and responses as pcapng: file=F or fd=N, then [,truncate][,mode=M][,checksums]",
  }),
  option("print-capabilities", { help: "print what this program can do, as JSON, and end" }),
  option("print-states", { help: "print which parts of a state there are, as JSON, and end" }),
  option("print-profiles", { help: "print the profiles a TPM can have, as JSON, and end" }),
  option("print-info", { value: "FLAGS", help: "print facts about the TPM, as JSON, and end" }),
  option("help", { short: "h", help: "this text" }),
  option("version", { short: "v", help: "print the version" }),
] as const satisfies readonly SwtpmOption[];

export type OptionName = (typeof OPTIONS)[number]["name"];

const KEY = {
  file: "string",
  fd: "uint",
  format: "string",
  pwdfile: "string",
  pwdfd: "uint",
  kdf: "string",
  mode: "string",
  remove: "bool",
} as const;

/** The sub-options of the options that have some. */
export const SUB_OPTIONS = {
  server: {
    type: "string",
    port: "uint",
    bindaddr: "string",
    ifname: "string",
    fd: "uint",
    path: "string",
    mode: "mode",
    uid: "uid",
    gid: "gid",
    disconnect: "bool",
  },
  ctrl: {
    type: "string",
    port: "uint",
    bindaddr: "string",
    ifname: "string",
    path: "string",
    fd: "uint",
    clientfd: "uint",
    mode: "mode",
    uid: "uid",
    gid: "gid",
    terminate: "bool",
  },
  tpmstate: { dir: "string", "backend-uri": "string", mode: "mode", lock: "bool", backup: "bool", fsync: "bool" },
  log: { file: "string", fd: "uint", level: "uint", prefix: "string", truncate: "bool" },
  locality: { "reject-locality-4": "bool", "allow-set-locality": "bool" },
  key: KEY,
  "migration-key": KEY,
  pid: { file: "string", fd: "uint" },
  seccomp: { action: "string" },
  flags: {
    "not-need-init": "bool",
    "startup-clear": "bool",
    "startup-state": "bool",
    "startup-deactivated": "bool",
    "startup-none": "bool",
    "disable-auto-shutdown": "bool",
  },
  migration: { incoming: "bool", "release-lock-outgoing": "bool" },
  profile: { name: "string", profile: "string", file: "string", fd: "uint", "remove-disabled": "string" },
  pcap: { file: "string", fd: "uint", truncate: "bool", mode: "mode", checksums: "bool" },
} as const satisfies Partial<Record<OptionName, SubOptionKinds>>;
