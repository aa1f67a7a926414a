import { existsSync, openSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { STATE_FILE, swtpmFixture } from "../../testing/swtpm-fixture.ts";

const swtpm = swtpmFixture();
const { place, start, refusal, TPM, SERVER } = swtpm;

describe("what is refused, in one line", () => {
  test.each<[readonly string[], RegExp]>([
    [["--server", "type=tcp"], /needs port=N, fd=N or the environment's TPM_PORT/],
    [["--server", "type=unixio,path=/nowhere/at/all"], /cannot listen on \/nowhere\/at\/all/],
    [["--ctrl", "type=unixio,clientfd=99"], /descriptor 99 cannot be used/],
    [["--fd", "99"], /descriptor 99 cannot be used/],
    [["--tpmstate", "dir=/nowhere", "--flags", "startup-clear"], /\/nowhere/],
    [["--tpmstate", "backend-uri=ftp://x"], /dir:\/\/DIRECTORY or file:\/\/FILE/],
    [["--tpmstate", "backend-uri=file:///tmp/x,backup"], /for a directory/],
    [["--tpmstate", "backend-uri=file:///tmp/x,fsync"], /for a directory/],
    [["--log", "fd=99"], /descriptor 99 cannot be written to/],
    [["--log", "file=/nowhere/at/all"], /cannot open \/nowhere\/at\/all/],
    [["--pid", "file=/nowhere/at/all"], /\/nowhere\/at\/all/],
    [["--pid", "fd=99"], /descriptor 99/],
    [["--flags", "startup-deactivated"], /for a TPM 1\.2 only/],
    [["--print-info", "all"], /--print-info is a number/],
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
    expect(await refusal(["socket", "--tpm2", ...SERVER()])).toMatch(/where is the state/);
  });

  test.each([
    ["socket", /give --server, --port, --fd or/],
    ["chardev", /give --chardev DEVICE, --fd N or --vtpm-proxy/],
  ])("%s without a source of commands", async (front, message) => {
    expect(await refusal([front, "--tpm2", "--tpmstate", `dir=${place("state")}`])).toMatch(message);
    expect(existsSync(place(`state/${STATE_FILE}`))).toBe(false);
  });

  test.each([
    [1, ["--nmae", "x"], /unknown option --nmae/],
    [1, ["--name", "x", "surplus"], /unexpected argument "surplus"/],
    [1, ["--name"], /--name requires an argument/],
    [251, ["--name", "x", "--runas", "nobody-at-all"], /no user "nobody-at-all"/],
    [253, ["--name", "x", "--flags", "nonsense"], /nonsense/],
    [254, [], /cuse needs --name NAME/],
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
