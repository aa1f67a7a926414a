import { closeSync, mkdirSync, openSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { createPrimaryRsa, getRandom } from "../../testing/commands.ts";
import { codeOf, end, STATE_FILE, swtpmFixture } from "../../testing/swtpm-fixture.ts";
import { OPTIONS } from "./option-table.ts";

const swtpm = swtpmFixture();
const { place, start, serve, startAndEnd, refusal, TPM, SERVER } = swtpm;

describe("messages", () => {
  test("are silent unless asked for", () => startAndEnd());

  test("level 2 and more show what passes", async () => {
    const { process, control, data } = await serve([
      "--flags",
      "startup-clear",
      "--log",
      `file=${place("log")},level=2,prefix=[x] `,
    ]);
    data.send(getRandom(4));
    await data.response();
    await end(process, control);
    const log = readFileSync(place("log"), "utf8");
    expect(log).toMatch(/^\[x\] {2}SWTPM_IO_Read: length 12\n\[x\] {2}80 01 00 00 00 0C 00 00 01 7B 00 04 \n/);
    expect(log).toMatch(/ SWTPM_IO_Write: length 16\n/);
    expect(log).toMatch(/ Ctrl Cmd: length 4\n\[x\] {2}00 00 00 03 \n\[x\] {2}Ctrl Rsp: length 4\n/);
    expect(statSync(place("log")).mode & 0o777).toBe(0o600);
  });

  test("are appended, or the file is truncated", async () => {
    for (const [more, expected] of [
      ["", /^before\n Ctrl/],
      [",truncate", /^ Ctrl/],
    ] as const) {
      writeFileSync(place("log"), "before\n");
      const { process, control } = await serve(["--log", `file=${place("log")},level=2${more}`]);
      await end(process, control);
      expect(readFileSync(place("log"), "utf8")).toMatch(expected);
    }
  });

  test("go to a descriptor", async () => {
    const fd = openSync(place("log"), "w");
    const { process, control } = await serve(["--log", "fd=3,level=2"], { descriptors: [fd] });
    closeSync(fd);
    await end(process, control);
    expect(readFileSync(place("log"), "utf8")).toMatch(/Ctrl Cmd/);
  });

  test("level 20 goes into details, each with its indentation", async () => {
    const { process, control, data } = await serve([
      "--flags",
      "startup-clear",
      "--log",
      `file=${place("log")},level=20`,
    ]);
    expect(await codeOf(data, createPrimaryRsa(2048))).toBe(0);
    await end(process, control);
    const blanks = readFileSync(place("log"), "utf8")
      .split("\n")
      .map((line) => line.length - line.trimStart().length);
    for (let indentation = 1; indentation <= 7; indentation++) expect(blanks).toContain(indentation);
  });

  test("about a command line go there, too", async () => {
    const log = ["--log", `file=${place("log")},prefix=x: `];
    const ended = await start([...TPM(), "--server", "type=udp", ...log]).ended;
    expect(ended).toMatchObject({ status: 1, stdout: "", stderr: "" });
    expect(readFileSync(place("log"), "utf8")).toMatch(/^x: Unsupported socket type: udp/);
  });

  test("tell of state that another process has", async () => {
    const { process, control } = await serve(["--flags", "startup-clear"]);
    expect(await refusal([...TPM(), "--print-info", "0x20"])).toMatch(
      /^swtpm: Could not lock access to lockfile: Resource temporarily unavailable/,
    );
    await end(process, control);
  });

  test("go nowhere with -", async () => {
    writeFileSync(place(`state/${STATE_FILE}`), "no state");
    const ended = await start([...TPM(), ...SERVER(), "--flags", "startup-clear", "--log", "file=-"]).ended;
    expect(ended).toMatchObject({ status: 1, stdout: "", stderr: "" });
  });
});

describe("what is printed", () => {
  test("the first word is told of where it is missing or wrong", async () => {
    expect(await refusal([])).toMatch(/^Missing TPM interface type\.\n.*swtpm cuse/s);
    expect(await refusal(["pipe"])).toMatch(/^Unsupported TPM interface type 'pipe'\.\n/);
  });

  test.each([["--help"], ["-h"]])("%s", async (option) => {
    const ended = await start([option]).ended;
    expect(ended).toMatchObject({ status: 0, stderr: "" });
    expect(ended.stdout).toMatch(/swtpm socket .*swtpm chardev .*swtpm cuse /s);
  });

  test.each(["socket", "chardev"] as const)("%s --help has each option that it takes", async (front) => {
    const { status, stdout } = await start([front, "--help"]).ended;
    expect(status).toBe(0);
    for (const { name, fronts } of OPTIONS) {
      const known: readonly string[] = fronts;
      expect(stdout.includes(`--${name}`), name).toBe(known.includes(front));
    }
  });

  test.each([["--version"], ["-v"], ["socket", "--version"]])("%s", async (...args) => {
    expect((await start(args).ended).stdout).toMatch(/^TPM emulator version 0\.11\.0, Copyright /);
  });

  test("capabilities, in swtpm's order", async () => {
    const { status, stdout } = await start(["socket", "--print-capabilities", "--tpm2"]).ended;
    expect(status).toBe(0);
    expect(stdout).toMatch(/^{ "type": "swtpm", "features": \[ .* \], "profiles": { .* }, "version": "0\.11\.0" }\n$/);
    const told = JSON.parse(stdout) as { features: string[]; profiles: { names: string[] } };
    expect(told.features).toEqual([
      ...["tpm-2.0", "tpm-send-command-header", "flags-opt-startup", "flags-opt-disable-auto-shutdown"],
      ...[
        "ctrl-opt-terminate",
        "cmdarg-seccomp",
        "cmdarg-key-fd",
        "cmdarg-pwd-fd",
        "cmdarg-print-states",
        "cmdarg-chroot",
      ],
      ...["cmdarg-migration", "nvram-backend-dir", "nvram-backend-file"],
      ...["rsa-keysize-1024", "rsa-keysize-2048", "rsa-keysize-3072", "rsa-keysize-4096"],
      ...["cmdarg-profile", "cmdarg-print-profiles", "profile-opt-remove-disabled"],
      ...[
        "cmdarg-print-info",
        "tpmstate-opt-lock",
        "tpmstate-dir-backend-opt-backup",
        "tpmstate-dir-backend-opt-fsync",
      ],
      ...["cmdarg-pcap", "systemd-notify"],
    ]);
    expect(told.profiles.names).toEqual(["default-v2", "default-v1", "null", "custom"]);
    const without = await start(["socket", "--print-capabilities"]).ended;
    expect(without.stdout).toMatch(/"profiles": { }, /);
    expect(without.stdout).not.toMatch(/rsa-keysize/);
  });

  test("profiles and facts", async () => {
    const { stdout } = await start(["socket", "--tpm2", "--print-profiles"]).ended;
    expect(stdout).toMatch(/^{"AvailableProfiles":\[{"Name":"default-v2",.*}\]}$/);
    const info = await start([...TPM(), "--print-info", "0x07"]).ended;
    expect(info.stdout).toBe(
      '{"TPMSpecification":{"family":"2.0","level": 0,"revision": 183},' +
        '"TPMAttributes":{"manufacturer":"id:00001014","version":"id:20240125","model":"swtpm"},' +
        '"TPMFeatures":{"RSAKeySizes":[1024,2048,3072,4096],"CamelliaKeySizes":[128,192,256]}}\n',
    );
    expect((await start([...TPM(), "--print-info", "0"]).ended).stdout).toBe("{}\n");
    const active = JSON.parse((await start([...TPM(), "--print-info", "0xff"]).ended).stdout) as Record<string, object>;
    expect(Object.keys(active)).toEqual([
      ...["TPMSpecification", "TPMAttributes", "TPMFeatures", "RuntimeAlgorithms", "RuntimeCommands"],
      ...["RuntimeAttributes", "ActiveProfile", "AvailableProfiles"],
    ]);
    expect(active["ActiveProfile"]).toMatchObject({ Name: "null" });
    const without = JSON.parse((await start(["socket", "--tpm2", "--print-info", "0x28"]).ended).stdout) as object;
    expect(without).toMatchObject({
      RuntimeAlgorithms: { Enabled: "", Disabled: expect.stringMatching(/^rsa,tdes,sha1,hmac,aes,/) },
    });
    expect(without).not.toHaveProperty("ActiveProfile");
  });

  test("states: none, and what is none", async () => {
    const args = ["socket", "--tpm2", "--print-states"];
    expect((await start([...args, "--tpmstate", `dir=${place("state")}`]).ended).stdout).toBe(
      '{ "type": "swtpm", "states": [] }',
    );
    expect((await start([...args, "--tpmstate", `dir=${place("nowhere")}`]).ended).stdout).toBe(
      '{ "type": "swtpm", "states": [] }',
    );
    expect(await refusal(args)).toMatch(/Error: --tpmstate option is required for --print-states/);
    mkdirSync(place(`state/${STATE_FILE}`));
    expect(await refusal([...args, "--tpmstate", `dir=${place("state")}`])).toMatch(/is not a regular file/);
  });
});
