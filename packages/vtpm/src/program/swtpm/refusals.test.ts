import { existsSync, openSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { STATE_FILE, swtpmFixture } from "../../testing/swtpm-fixture.ts";

const swtpm = swtpmFixture();
const { place, start, refusal, TPM, SERVER } = swtpm;

describe("what is refused, in one line", () => {
  test.each<[readonly string[], RegExp]>([
    [["--server", "type=tcp"], /TPM_PORT is not set or contains an invalid integer value/],
    [
      ["--server", "type=unixio,path=/nowhere/at/all"],
      /Could not open UnixIO socket: No such file or directory.*cannot listen on \/nowhere\/at\/all/,
    ],
    [
      ["--ctrl", "type=unixio,clientfd=99"],
      /Bad filedescriptor 99 for UnixIO client control channel: Bad file descriptor/,
    ],
    [["--ctrl", "type=unixio,fd=99"], /Bad filedescriptor 99 for UnixIO control channel/],
    [["--server", `type=unixio,path=/${"x".repeat(107)}`], /Path for UnixIO socket is too long/],
    [["--fd", "99"], /Cannot stat file descriptor: Bad file descriptor/],
    [["--tpmstate", "dir=/nowhere", "--flags", "startup-clear"], /\/nowhere/],
    [["--tpmstate", "backend-uri=ftp://x"], /dir:\/\/DIRECTORY or file:\/\/FILE/],
    [["--tpmstate", "backend-uri=file:///tmp/x,backup"], /not supported with this storage backend/],
    [["--tpmstate", "backend-uri=file:///tmp/x,fsync"], /not supported with this storage backend/],
    [["--log", "fd=99"], /Could not access logfile using fd 99: Bad file descriptor/],
    [["--log", "file=/nowhere/at/all"], /Could not open logfile for writing: No such file or directory/],
    [["--pid", "file=/nowhere/at/all"], /Could not open pidfile \/nowhere\/at\/all : No such file or directory/],
    [["--pid", "fd=99"], /Bad filedescriptor 99 for pid file/],
    [["--pcap", "file=/nowhere/at/all"], /Could not open pcap file for writing: No such file or directory/],
    [["--key", "file=/nowhere/at/all"], /Unable to open file \/nowhere\/at\/all: No such file or directory/],
    [["--flags", "startup-deactivated"], /TPM 2 does not support startup deactivated/],
    [["--print-info", "all"], /Cannot parse info value 'all'/],
  ])("%s", async (more, message) => {
    const stderr = await refusal([...TPM(), ...(more[0] === "--server" ? [] : SERVER()), ...more]);
    expect(stderr).toMatch(message);
    expect(stderr).toMatch(/^swtpm: [^\n]+\n$/);
  });

  test("a regular file as --fd", async () => {
    const fd = openSync(place("file"), "w");
    swtpm.descriptors.push(fd);
    expect(await refusal([...TPM(), "--fd", "3"], { descriptors: [fd] })).toMatch(
      /neither a socket nor a character device/,
    );
  });

  test("a regular file as --chardev", async () => {
    writeFileSync(place("file"), "");
    const args = ["chardev", "--tpm2", "--tpmstate", `dir=${place("state")}`, "--chardev", place("file")];
    expect(await refusal(args)).toMatch(/is not a character device/);
  });

  test("no state at all", async () => {
    expect(await refusal(["socket", "--tpm2", ...SERVER()])).toMatch(/Missing backend URI/);
  });

  test("chardev without a source of commands", async () => {
    expect(await refusal(["chardev", "--tpm2", "--tpmstate", `dir=${place("state")}`])).toMatch(
      /Error: Missing character device or file descriptor/,
    );
    expect(existsSync(place(`state/${STATE_FILE}`))).toBe(false);
  });

  test.each([
    [1, ["--nmae", "x"], /unknown option --nmae/],
    [1, ["--name", "x", "surplus"], /Unknown parameter 'surplus'/],
    [1, ["--name"], /--name requires an argument/],
    [251, ["--name", "x", "--runas", "nobody-at-all"], /User 'nobody-at-all' does not exist/],
    [253, ["--name", "x", "--flags", "nonsense"], /nonsense/],
    [254, [], /Error: device name missing/],
    [253, ["--name", "x", "--key", "file=/nowhere/at/all"], /Unable to open file/],
    [255, ["--name", "x/y", "--seccomp", "action=none"], /cannot be the name of a device/],
  ])("a device that cannot be, with swtpm's exit status %i: %j", async (status, more, message) => {
    const ended = await start(["cuse", "--tpm2", "--tpmstate", `dir=${place("state")}`, ...more]).ended;
    expect(ended).toMatchObject({ status, stdout: "" });
    expect(ended.stderr).toMatch(message);
  });

  test("a TPM 1.2", async () => {
    const args = ["socket", "--tpmstate", `dir=${place("state")}`, ...SERVER()];
    expect(await refusal(args)).toMatch(/a TPM 1\.2 is not there yet: ask for a TPM 2\.0 with --tpm2/);
  });

  test("damaged state, without touching it", async () => {
    writeFileSync(place(`state/${STATE_FILE}`), "no state");
    expect(await refusal([...TPM(), ...SERVER(), "--flags", "startup-clear"])).toMatch(/tpm2-00\.permall/);
    expect(readFileSync(place(`state/${STATE_FILE}`), "utf8")).toBe("no state");
    expect(existsSync(place("data"))).toBe(false);
  });
});

describe("symbolic links are not followed by", () => {
  test.each(["--log", "--pid", "--pcap"])("%s", async (option) => {
    writeFileSync(place("target"), "");
    symlinkSync(place("target"), place("link"));
    expect(await refusal([...TPM(), ...SERVER(), option, `file=${place("link")}`])).toMatch(/link/);
    expect(readFileSync(place("target"), "utf8")).toBe("");
  });
});
