import { describe, expect, test } from "vitest";
import { UsageError } from "../usage-error.ts";
import { OPTIONS, SUB_OPTIONS } from "./option-table.ts";
import { cNumber, readSettings } from "./settings.ts";

const read = (...args: readonly string[]) => readSettings("socket", args, {});

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
    const settings = readSettings("socket", [], { TPM_PORT: "2321", TPM_PATH: "/state" });
    expect(settings).toMatchObject({ defaultPort: 2321, defaultDirectory: "/state", port: undefined });
    expect(() => readSettings("socket", [], { TPM_PORT: "many" })).toThrow(/TPM_PORT is a number/);
  });

  test.each([
    ["12", 12],
    ["0x1f", 31],
    ["017", 15],
    ["0", 0],
  ])("has numbers as C writes them: %s", (text, value) => expect(cNumber("it", text, 100)).toBe(value));

  test.each(["socket", "chardev", "cuse"] as const)("knows the options of %s and no others", (front) => {
    for (const option of OPTIONS) {
      const fronts: readonly string[] = option.fronts;
      const args = "argument" in option ? [`--${option.name}`, "?"] : [`--${option.name}`];
      let message = "";
      try {
        readSettings(front, args, {});
      } catch (error) {
        message = error instanceof Error ? error.message : "";
      }
      expect(message.startsWith("unknown option"), `${front} --${option.name}`).toBe(!fronts.includes(front));
    }
  });

  test.each(Object.entries(SUB_OPTIONS))("--%s refuses what is none of its sub-options", (name) => {
    expect(() => readSettings("socket", [`--${name}`, "colour=red"], {})).toThrow(
      new UsageError(`Unknown option 'colour' of --${name}`),
    );
  });

  test.each<[readonly string[], RegExp]>([
    [["--unknown"], /unknown option --unknown/],
    [["stray"], /unexpected argument "stray"/],
    [["--server", "type=udp"], /--server type takes tcp, unixio, not "udp"/],
    [["--server", "type=unixio"], /--server type=unixio needs path= or fd=/],
    [["--server", "path="], /Unknown option 'path=' of --server/],
    [["--server", "type=tcp,port=65536"], /--server port is a number from 0 to 65535/],
    [["--server", "type=unixio,path=x,mode=888"], /octal number up to 0777/],
    [["--port", "70000"], /--port is a number from 0 to 65535/],
    [["--port", "http"], /--port is a number from 0 to 65535/],
    [["--ctrl", "path=x"], /--ctrl needs type=tcp or type=unixio/],
    [["--ctrl", "type=unixio"], /needs path=, fd= or clientfd=/],
    [["--ctrl", "type=tcp"], /needs port= or fd=/],
    [["--fd", "2"], /--fd is a descriptor from 3 on/],
    [["--log", "level=x"], /--log level is a number/],
    [["--log", "fd=3,file=x"], /file= or fd=, not both/],
    [["--key", "mode=aes-cbc"], /needs file=, fd=, pwdfile= or pwdfd=/],
    [["--key", "file=x,format=base64"], /format takes hex, binary/],
    [["--key", "pwdfile=x,kdf=scrypt"], /kdf takes pbkdf2, sha512/],
    [["--migration-key", "file=x,mode=aes-512-cbc"], /--migration-key mode takes/],
    [["--pid", "file=x,fd=3"], /--pid takes file= or fd=/],
    [["--seccomp", "action=maybe"], /action takes none, log, kill/],
    [["--seccomp", ""], /action takes none, log, kill/],
    [["--profile", "name=null,file=x"], /exactly one/],
    [["--profile", "remove-disabled=check"], /exactly one/],
    [["--profile", "name=null,remove-disabled=always"], /remove-disabled takes check, fips-host/],
    [["--profile", "profile={"], /brace/],
    [["--pcap", "truncate"], /--pcap takes file= or fd=/],
  ])("%s is refused", (args, message) => expect(() => read(...args)).toThrow(message));

  test.each([
    ["--chardev", "/dev/x"],
    ["--fd", "3"],
  ])("--vtpm-proxy goes with no %s", (...args) => {
    expect(() => readSettings("chardev", ["--vtpm-proxy", ...args], {})).toThrow(
      /--vtpm-proxy makes a device of its own/,
    );
  });
});
