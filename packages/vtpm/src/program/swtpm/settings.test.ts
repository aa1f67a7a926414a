import { describe, expect, test } from "vitest";
import { UsageError } from "../usage-error.ts";
import { OPTIONS, SUB_OPTIONS } from "./option-table.ts";
import { cNumber, readGiven, readLog, readSettings } from "./settings.ts";

const read = (...args: readonly string[]) => readSettings("socket", readGiven("socket", args), {});

describe("a command line of swtpm", () => {
  test("is read with getopt's habits", () => {
    const settings = read(
      "--tpm2",
      "--tpms",
      "dir=/x,mode=0600",
      "-dt",
      "--ser=type=tcp,port=1",
      "--server",
      "port=2,port=3",
    );
    expect([...settings.given.keys()]).toEqual(["tpm2", "tpmstate", "daemon", "terminate", "server"]);
    expect(settings.tpmstate).toEqual({ dir: "/x", mode: 0o600 });
    expect(settings.server).toEqual({ port: 2 });
  });

  test("tells which descriptors it names", () => {
    const args = [
      "--fd",
      "7",
      "--log",
      "fd=3",
      "--ctrl",
      "type=unixio,clientfd=4",
      "--key",
      "pwdfd=5",
      "--pid",
      "fd=6",
    ];
    expect([...read(...args).descriptors].sort()).toEqual([3, 4, 5, 6, 7]);
  });

  test("takes ports and directories from the environment, too", () => {
    const settings = readSettings("socket", new Map(), { TPM_PORT: "2321", TPM_PATH: "/state" });
    expect(settings).toMatchObject({ defaultPort: 2321, defaultDirectory: "/state", port: undefined });
    expect(readSettings("socket", new Map(), { TPM_PORT: "many" }).defaultPort).toBe("invalid");
  });

  test.each([
    ["12", 12],
    ["0x1f", 31],
    ["017", 15],
    ["0", 0],
    ["101", undefined],
    ["12x", undefined],
  ])("has numbers as C writes them: %s", (text, value) => expect(cNumber(text, 100)).toBe(value));

  test.each(["socket", "chardev", "cuse"] as const)("knows the options of %s and no others", (front) => {
    for (const option of OPTIONS) {
      const fronts: readonly string[] = option.fronts;
      const args = "argument" in option ? [`--${option.name}`, "?"] : [`--${option.name}`];
      let message = "";
      try {
        readSettings(front, readGiven(front, args), {});
      } catch (error) {
        message = error instanceof Error ? error.message : "";
      }
      expect(message.startsWith("unknown option"), `${front} --${option.name}`).toBe(!fronts.includes(front));
    }
  });

  test.each(Object.entries(SUB_OPTIONS))("--%s refuses what is none of its sub-options", (name) => {
    const subject = name === "log" ? "logging" : name === "migration-key" ? "key" : name;
    expect(() => read(`--${name}`, "colour=red")).toThrow(
      new UsageError(`Error parsing ${subject} options: Unknown option 'colour=red'`),
    );
  });

  test("tells where messages go before it reads the rest", () => {
    const given = readGiven("socket", ["--server", "type=udp", "--log", "file=/x,level=3"]);
    expect(readLog(given)).toEqual({ file: "/x", level: 3 });
  });

  // The beginnings are those of swtpm 0.11.0: scripts look for them.
  test.each<[readonly string[], string]>([
    [["--unknown"], "unknown option --unknown"],
    [["stray"], "Unknown parameter 'stray'"],
    [["--server", "type=udp"], "Unsupported socket type: udp"],
    [["--server", "type=unixio"], "Missing path and file descriptor option for UnixIO socket"],
    [["--server", "path="], "Error parsing server options: Unknown option 'path='"],
    [["--server", "port=abc"], "Error parsing server options: invalid number 'abc'"],
    [["--server", "type=tcp,port=65536"], "TCP socket port outside valid range"],
    [["--server", "type=unixio,path=x,mode=888"], "Error parsing server options: invalid mode type '888'"],
    [["--port", "70000"], "Port is outside valid range."],
    [["--port", "http"], "Cannot parse socket port number 'http'."],
    [["--ctrl", "path=x"], "Missing type parameter for control channel"],
    [["--ctrl", "type=udp"], "Unsupported control channel type: udp"],
    [["--ctrl", "type=unixio"], "Missing path and fd options for UnixIO control channel"],
    [["--ctrl", "type=tcp"], "Missing port and fd options for TCP control channel"],
    [["--ctrl", "type=tcp,port=65536"], "TCP control channel port outside valid range"],
    [["--fd", "2"], "Error: Cannot accept file descriptors with values 0, 1, or 2"],
    [["--fd", "x"], "Cannot parse socket file descriptor."],
    [["--log", "level=-1"], "Error parsing logging options: invalid required positive number '-1'"],
    [["--key", "mode=aes-cbc"], "Either file=, fd=, pwdfile=, or pwdfd= is required for key option"],
    [["--key", "file=x,format=base64"], "Unknown key format 'base64'."],
    [["--key", "pwdfile=x,kdf=scrypt"], "Unknown kdf 'scrypt'."],
    [["--migration-key", "file=x,mode=aes-512-cbc"], "Unknown encryption mode 'aes-512-cbc'."],
    [["--pid", ""], "The file or fd parameter is required for the pid option."],
    [["--seccomp", "action=maybe"], "Unsupported seccomp log action maybe"],
    [["--seccomp", ""], "Unsupported seccomp log action"],
    [["--profile", "name=null,file=x"], "Only one profile option parameter of 'profile', 'name', 'fd', or 'file' may"],
    [["--profile", "remove-disabled=check"], "No profile option parameter given to get a profile"],
    [["--profile", "name=null,remove-disabled=always"], "Invalid option parameter 'always' for 'remove-disabled'"],
    [["--profile", "profile={"], "Error parsing profile options: a brace is not closed"],
    [["--pcap", "truncate"], "--pcap takes file= or fd="],
  ])("%s is refused", (args, message) => expect(() => read(...args)).toThrow(message));

  test.each([
    ["--chardev", "/dev/x"],
    ["--fd", "3"],
  ])("--vtpm-proxy goes with no %s", (...args) => {
    expect(() => readSettings("chardev", readGiven("chardev", ["--vtpm-proxy", ...args]), {})).toThrow(
      /Cannot use vTPM proxy with a provided device/,
    );
  });
});
