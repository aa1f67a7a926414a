import {
  closeSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync as readlink,
  statSync,
  writeFileSync,
} from "node:fs";
import { toHex } from "@vtpm/wire";
import { describe, expect, test } from "vitest";
import { uint32s } from "../../server/words.ts";
import { startup } from "../../testing/commands.ts";
import { codeOf, end, expectAnswer, STATE_FILE, swtpmFixture } from "../../testing/swtpm-fixture.ts";

const swtpm = swtpmFixture();
const { place, start, serve, startAndEnd, refusal, TPM, CONTROL, SERVER } = swtpm;

describe("the state", () => {
  test.each([
    ["dir=", "state"],
    ["backend-uri=dir://", "state"],
    ["backend-uri=file://", "linear"],
  ])("is where --tpmstate %s says", async (prefix, name) => {
    await startAndEnd("--tpmstate", `${prefix}${place(name)}`);
    const { stdout } = await start(["socket", "--tpm2", "--print-states", "--tpmstate", `${prefix}${place(name)}`])
      .ended;
    expect(stdout).toMatch(/^{ "type": "swtpm", "states": \[ {"name": "permall", "size": \d+} \] }$/);
  });

  test("is where the environment says without it", async () => {
    const args = ["socket", "--tpm2", ...CONTROL(), "--flags", "startup-clear"];
    const process = start(args, { environment: { TPM_PATH: place("state") } });
    await end(process, await process.connect(place("control")));
    expect(existsSync(place(`state/${STATE_FILE}`))).toBe(true);
  });

  test.each(["", ",lock", ",lock=true"])("belongs to one process with dir=%s", async (more) => {
    const { process, control } = await serve(["--flags", "startup-clear"]);
    const second = ["socket", "--tpm2", "--port", "0", "--flags", "startup-clear"];
    expect(await refusal([...second, "--tpmstate", `dir=${place("state")}${more}`])).toMatch(
      /in use by another process/,
    );
    await end(process, control);
  });

  test("is not locked with lock=false", async () => {
    const more = ["--tpmstate", `dir=${place("state")},lock=false`];
    const { process, control } = await serve(["--flags", "startup-clear", ...more]);
    expect(readdirSync(place("state"))).not.toContain(".lock");
    await expectAnswer(control, uint32s(19, 0), "00000000");
    await end(process, control);
  });

  test("has the mode that is asked for, whatever the umask", async () => {
    const modeOf = (name: string): number => statSync(place(`state/${name}`)).mode & 0o777;
    await startAndEnd("--tpmstate", `dir=${place("state")},mode=0666`);
    expect(modeOf(STATE_FILE)).toBe(0o666);
    expect(modeOf(".lock")).toBe(0o660 & ~process.umask());
    // As swtpm 0.11.0 does, a file that is there gets it, too.
    await startAndEnd("--tpmstate", `dir=${place("state")},mode=0600`);
    expect(modeOf(STATE_FILE)).toBe(0o600);
    await startAndEnd("--tpmstate", `dir=${place("state")}`);
  });

  test("is kept twice with backup, and fsync is accepted", async () => {
    await startAndEnd("--tpmstate", `dir=${place("state")},backup,fsync`);
    await startAndEnd("--tpmstate", `dir=${place("state")},backup,fsync`);
    expect(readdirSync(place("state"))).toContain(`${STATE_FILE}.bak`);
  });

  test("is left alone until it has arrived with --migration incoming", async () => {
    await startAndEnd();
    const { process, control, data } = await serve(["--migration", "incoming"]);
    const open = (): string[] => readdirSync(`/proc/${process.pid}/fd`).map((fd) => linkOf(process.pid, fd));
    const locked = (): boolean => open().some((name) => name.endsWith(".lock"));
    await expectAnswer(control, uint32s(2, 0), "00000000");
    expect(locked()).toBe(false);
    expect(await codeOf(data, startup(0))).toBe(0);
    expect(locked()).toBe(true);
    control.send(uint32s(12, 1, 3, 0));
    expect(toHex(await control.receive(16))).toBe(`00000800${"00".repeat(12)}`);
    expect(locked()).toBe(false);
    await expectAnswer(control, uint32s(19, 10), "00000000");
    expect(locked()).toBe(true);
    await end(process, control);
  });

  test.each([
    ["--migration", "release-lock-outgoing"],
    ["--migration", "incoming,release-lock-outgoing"],
  ])("%s %s is understood", (...more) => startAndEnd(...more));

  test("gets TPM2_Shutdown unless that is switched off", async () => {
    for (const [flags, sent] of [
      ["startup-clear", true],
      ["startup-clear,disable-auto-shutdown", false],
    ] as const) {
      await startAndEnd("--flags", flags, "--pcap", `file=${place("pcap")},truncate`);
      const shutdown = Buffer.from("80010000000c000001450001", "hex");
      expect(readFileSync(place("pcap")).includes(shutdown)).toBe(sent);
    }
  });
});

function linkOf(pid: number, fd: string): string {
  try {
    return readlink(`/proc/${pid}/fd/${fd}`);
  } catch {
    return ""; // closed meanwhile
  }
}

describe("keys", () => {
  const HEX = "0123456789abcdef0123456789abcdef";
  const sealed = (): boolean => (readFileSync(place(`state/${STATE_FILE}`)).readUInt16BE(4) & 1) === 1;

  test.each<[string, string, () => Uint8Array | string]>([
    ["file", "", () => HEX],
    ["file", ",format=hex,mode=aes-256-cbc", () => `0x${HEX}${HEX}\n`],
    ["file", ",format=binary", () => new Uint8Array(16).fill(7)],
    ["pwdfile", "", () => "a passphrase\n"],
    ["pwdfile", ",kdf=sha512,mode=aes-cbc", () => "a passphrase"],
    ["pwdfile", ",kdf=pbkdf2,mode=aes-128-cbc", () => "a passphrase"],
    ["fd", "", () => HEX],
    ["pwdfd", ",mode=aes-256-cbc", () => "a passphrase"],
  ])("from %s%s", async (from, more, content) => {
    writeFileSync(place("key"), content());
    const byFile = from.endsWith("file");
    for (let round = 0; round < 2; round++) {
      const fd = byFile ? -1 : openSync(place("key"), "r");
      const source = byFile ? place("key") : "3";
      const { process, control } = await serve(["--key", `${from}=${source}${more}`, "--flags", "startup-clear"], {
        descriptors: byFile ? [] : [fd],
      });
      if (!byFile) closeSync(fd);
      await expectAnswer(control, uint32s(15), "0000000000000001");
      await end(process, control);
      expect(sealed()).toBe(true);
    }
    expect(await refusal([...TPM(), ...SERVER(), "--flags", "startup-clear"])).toMatch(/encrypted/);
  });

  test("are removed when that is asked for, and told of", async () => {
    for (const name of ["key", "migration"]) writeFileSync(place(name), HEX);
    const keys = ["--key", `file=${place("key")},remove`, "--migration-key", `file=${place("migration")},remove=true`];
    const { process, control } = await serve(keys);
    await expectAnswer(control, uint32s(15), "0000000000000003");
    expect(readdirSync(swtpm.directory)).not.toContain("key");
    expect(readdirSync(swtpm.directory)).not.toContain("migration");
    await end(process, control);
  });

  test.each([
    ["file=KEY", "too short", /hex digits/],
    ["file=KEY,format=binary", "0123456789", /16 or 32 bytes/],
    ["file=/nowhere", "", /Unable to open file \/nowhere: No such file or directory/],
    ["fd=99", "", /Unable to read key: Bad file descriptor/],
  ])("--key %s with %s is refused", async (key, content, message) => {
    writeFileSync(place("key"), content);
    expect(await refusal([...TPM(), ...SERVER(), "--key", key.replace("KEY", place("key"))])).toMatch(message);
  });

  test("a short passphrase is warned of", async () => {
    writeFileSync(place("key"), "short");
    const process = start([...TPM(), ...CONTROL(), "--key", `pwdfile=${place("key")}`]);
    const control = await process.connect(place("control"));
    await expectAnswer(control, uint32s(3), "00000000");
    expect((await process.ended).stderr).toMatch(/Warning: Passphrase is only 5 bytes long/);
    control.close();
  });
});

describe("profiles", () => {
  const active = async (...more: readonly string[]): Promise<string> => {
    const { status, stdout } = await start([...TPM(), "--flags", "startup-clear", "--print-info", "0x20", ...more])
      .ended;
    expect(status).toBe(0);
    const info = JSON.parse(stdout) as { ActiveProfile: { Name: string } };
    return info.ActiveProfile.Name;
  };

  test("none is the null profile", async () => expect(await active()).toBe("null"));

  test.each([
    ["name=default-v1", "default-v1"],
    ['profile= {"Name":"default-v2"} ', "default-v2"],
    ["file=FILE", "custom:mine"],
    ["file=FILE,remove-disabled=fips-host", "custom:mine"],
    ["file=FILE,remove-disabled=check", "custom:mine"],
    ["name=default-v1,remove-disabled=fips-host", "default-v1"],
  ])("--profile %s", async (option, name) => {
    writeFileSync(place("profile"), '\n{"Name":"custom:mine"}\n');
    expect(await active("--profile", option.replace("FILE", place("profile")))).toBe(name);
    expect(await active()).toBe(name);
    expect(await refusal([...TPM(), ...SERVER(), "--flags", "startup-clear", "--profile", "name=default-v1"])).toMatch(
      /profile/,
    );
  });

  test.each([
    ["name=newest", /^swtpm: Error: Could not set profile for TPM2: .*newest/],
    ["file=/nowhere", /Failed to open file \/nowhere: No such file/],
  ])("--profile %s is refused", async (option, message) => {
    expect(await refusal([...TPM(), ...SERVER(), "--profile", option])).toMatch(message);
  });
});
