import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from "vitest";
import { debiansSwtpm } from "../servers/swtpm-program.ts";
import { SwtpmProcess } from "./swtpm-process.ts";
import { CONVERSATIONS, debians, type Ended, ours, type RunOptions, run } from "./tools.ts";

const isMissing = inject("missingPrograms").includes("swtpm");
const declare = isMissing ? describe.skip : describe;

const STARTUP_CLEAR = Buffer.from("80010000000c000001440000", "hex");
/** PCRs 16 and 17 of the SHA-256 bank. */
const readPcr = (pcr: 16 | 17) => Buffer.from(`800100000014${"0000017e"}00000001000b0300000${pcr - 15}`, "hex");
const EXTEND_PCR_16 = Buffer.from(
  `8002000000410000018200000010${"00000009400000090000000000"}00000001000b${"5a".repeat(32)}`,
  "hex",
);
/** Its last 32 bytes are the value. */
const valueIn = (response: Buffer) => response.subarray(-32).toString("hex");
const sha256 = (...parts: readonly Uint8Array[]) => createHash("sha256").update(Buffer.concat(parts)).digest();
const OK: Ended = { status: 0, stdout: "", stderr: "" };
const refused = (stderr: string): Ended => ({ status: 1, stdout: "", stderr: `${stderr}\n` });

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "vtpm-swtpm-ioctl-"));
});
afterAll(() => rmSync(directory, { recursive: true }));

let servers: SwtpmProcess[] = [];
afterEach(async () => {
  await Promise.all(servers.map((server) => server.end()));
  servers = [];
});

for (const [tools, program, transport] of CONVERSATIONS) {
  declare(`swtpm_ioctl of ${tools.name} with ${program.name} over ${transport}`, () => {
    const start = async (...args: readonly string[]) => {
      const server = await SwtpmProcess.start(program, transport, "--tpm2", ...args);
      servers.push(server);
      return server;
    };
    const ioctl = (server: SwtpmProcess, args: readonly string[], options: RunOptions = {}) =>
      run([...tools.ioctl, ...server.control, ...args], options);

    test("asks what there is", async () => {
      const server = await start("--flags", "not-need-init");
      expect(await ioctl(server, ["-c"])).toEqual({
        ...OK,
        stdout: `ptm capability is 0x${program.capability.toString(16)}\n`,
      });
      expect(await ioctl(server, ["-e"])).toEqual({ ...OK, stdout: "tpmEstablished is 0\n" });
      expect(await ioctl(server, ["-g"])).toEqual({ ...OK, stdout: "ptm configuration flags: 0x0\n" });
      expect((await ioctl(server, ["-b", "0"])).stdout).toBe(
        `TPM buffersize: 4096\nminimum size  : ${program.minBufferSize}\nmaximum size  : 4096\n`,
      );
      const info = JSON.parse((await ioctl(server, ["--info", "0x3"])).stdout);
      expect(info).toMatchObject({ TPMSpecification: { family: "2.0" }, TPMAttributes: { model: "swtpm" } });
    });

    test("starts and stops the TPM, ends the process", async () => {
      const server = await start();
      const stopped = refused("TPM result from PTM_GET_TPMESTABLISHED: 0xa");
      expect(await ioctl(server, ["-e"])).toEqual(stopped);
      expect(await ioctl(server, ["-i"])).toEqual(OK);
      expect((await server.execute(STARTUP_CLEAR)).readUInt32BE(6)).toBe(0);
      expect(await ioctl(server, ["-b", "3000"])).toEqual(refused("TPM result from PTM_SET_BUFFERSIZE: 0xa"));
      expect(await ioctl(server, ["--stop"])).toEqual(OK);
      expect(await ioctl(server, ["-e"])).toEqual(stopped);
      expect((await ioctl(server, ["-b", "3000"])).stdout).toMatch(/^TPM buffersize: 3000\n/);
      expect(await ioctl(server, ["-s"])).toEqual(OK);
      expect(await server.ended()).toBe(0);
    });

    test("sets the locality and resets the established bit from one that may", async () => {
      const server = await start("--flags", "not-need-init,startup-clear");
      for (const locality of ["0", "4"]) expect(await ioctl(server, ["-l", locality])).toEqual(OK);
      expect(await ioctl(server, ["-r", "0"])).toEqual(refused("TPM result from PTM_RESET_TPMESTABLISHED: 0x3d"));
      expect(await ioctl(server, ["-r", "3"])).toEqual(OK);
    });

    test("measures data of any length", async () => {
      const long = Buffer.alloc(10_000, "measured");
      for (const [word, options, data] of [
        ["abc", {}, Buffer.from("abc")],
        ["-", { input: long }, long],
      ] as const) {
        const server = await start("--flags", "not-need-init,startup-clear");
        expect(await ioctl(server, ["-h", word], options)).toEqual(OK);
        expect(valueIn(await server.execute(readPcr(17)))).toBe(sha256(Buffer.alloc(32), sha256(data)).toString("hex"));
        expect(await ioctl(server, ["-e"])).toEqual({ ...OK, stdout: "tpmEstablished is 1\n" });
      }
    });

    test("moves a TPM with its state by files", async () => {
      const from = await start("--flags", "not-need-init,startup-clear");
      expect((await from.execute(EXTEND_PCR_16)).readUInt32BE(6)).toBe(0);
      const value = valueIn(await from.execute(readPcr(16)));
      expect(value).not.toBe("00".repeat(32));
      const file = (type: string) => join(directory, `${transport}-${type}`);
      for (const type of ["permanent", "volatile", "savestate"]) {
        expect(await ioctl(from, ["--save", type, file(type)])).toEqual(OK);
        expect(statSync(file(type)).mode & 0o777).toBe(0o600);
      }
      expect(readFileSync(file("permanent")).length).toBeGreaterThan(1000);
      expect(readFileSync(file("volatile")).length).toBeGreaterThan(4000);
      expect(readFileSync(file("savestate"))).toHaveLength(0);

      const to = await start();
      for (const type of ["permanent", "volatile", "savestate"])
        expect(await ioctl(to, ["--load", type, file(type)])).toEqual(OK);
      expect(await ioctl(to, ["-i"])).toEqual(OK);
      expect(valueIn(await to.execute(readPcr(16)))).toBe(value);
      expect(await ioctl(to, ["--load", "permanent", file("permanent")])).toEqual(
        refused("TPM result from PTM_SET_STATEBLOB: 0xa"),
      );
    });

    test("stores the volatile state", async () => {
      const server = await start("--flags", "not-need-init,startup-clear");
      const stored = join(server.directory, "tpm2-00.volatilestate");
      expect(existsSync(stored)).toBe(false);
      expect(await ioctl(server, ["-v"])).toEqual(OK);
      expect(existsSync(stored)).toBe(true);
      expect(await ioctl(server, ["-C"])).toEqual(OK);
    });

    test("tells of keys, and saves a blob without the file's encryption", async () => {
      const key = join(directory, `${transport}-key`);
      writeFileSync(key, "00112233445566778899aabbccddeeff");
      const server = await start("--flags", "not-need-init", "--key", `file=${key}`);
      expect(await ioctl(server, ["-g"])).toEqual({ ...OK, stdout: "ptm configuration flags: 0x1\n" });
      const file = join(directory, `${transport}-decrypted`);
      expect(await ioctl(server, ["--save", "permanent", file])).toEqual(OK);
      // Envelope: flags at 4 (no encryption), then the plain inner data.
      expect(readFileSync(file).readUInt16BE(4) & 0x03).toBe(0);
    });

    // Debian's tool is older than this.
    test.skipIf(tools === debians)("takes the lock of the state", async () => {
      const server = await start("--flags", "not-need-init");
      const unknown = refused("TPM result from PTM_LOCK_STORAGE: 0xa");
      expect(await ioctl(server, ["--lock-storage", "3"])).toEqual(program.capability < 0x10000 ? unknown : OK);
    });
  });
}

declare("swtpm_ioctl without a server", () => {
  const missing = "/nonexistent/socket";
  test.each<readonly [string, readonly string[], string]>([
    ["no command", ["--tcp", ":1"], "No valid command."],
    ["two commands", ["-c", "-e", "--tcp", ":1"], "Only one command may be given."],
    ["no address", ["-c"], "Error: Missing device name."],
    ["a locality that is no number", ["-l", "foo"], "Could not get locality number from foo."],
    ["a locality too high", ["-l", "5"], "Locality outside valid range of [0..4]."],
    ["a locality below", ["-r", "-1"], "Locality outside valid range of [0..4]."],
    ["no file", ["--save", "permanent"], "Missing filename argument for --save option"],
    ["an option for a file", ["--load", "volatile", "--tcp", ":1"], "Missing filename argument for --load option"],
    ["a port that is no number", ["--tcp", ":foo", "-c"], "Invalid port 'foo'"],
    ["a port too high", ["--tcp", ":99999", "-c"], "Port '99999' outside valid range."],
    ["a size that is no number", ["--tcp", ":1", "-b", "x"], "Could not get buffersize from x."],
    ["flags that are no number", ["--tcp", ":1", "--info", "x"], "Cannot parse info flags."],
  ])("refuses %s, as Debian's does", async (_, args, message) => {
    expect(await run([...ours.ioctl, ...args])).toEqual(refused(message));
    expect(await run([...debians.ioctl, ...args])).toEqual(refused(message));
  });

  test.each<readonly [string, readonly string[], RegExp]>([
    ["an option nobody knows", ["--foo"], /(unknown|unrecognized) option '?--foo/],
    ["an option without its argument", ["--tcp"], /option '?--tcp'? requires an argument/],
    ["an argument where there is none", ["--stop=now"], /option '?--stop'? (doesn't allow an|takes no) argument/],
    ["a blob nobody knows", ["--tcp", ":1", "--save", "foo", "f"], /Unknown TPM state type 'foo'|Could not connect/],
    ["a device that is not there", ["--tpm-device", "/nonexistent", "-c"], /^Unable to open device '\/nonexistent'/],
    ["a device that has no such ioctl", ["-c", "/dev/null"], /^Could not execute PTM_GET_CAPABILITY: inapp/i],
    ["a port where nobody listens", ["--tcp", ":1", "-c"], /Could not connect to host '127.0.0.1' on port '1'/],
    ["a host nobody knows", ["--tcp", "nobody.invalid:1", "-c"], /nobody\.invalid/],
    ["a socket that is not there", ["--unix", missing, "-c"], /[Nn]o such file or directory/],
  ])("refuses %s", async (_, args, message) => {
    for (const tools of [ours, debians]) {
      const { status, stderr } = await run([...tools.ioctl, ...args]);
      expect({ status, stderr }).toEqual({ status: 1, stderr: expect.stringMatching(message) });
    }
  });

  test("prints help and version", async () => {
    for (const [option, text] of [
      ["--help", /^swtpm_ioctl - .*--lock-storage/s],
      ["-version", /^TPM emulator control tool version \d+\.\d+\.\d+/],
    ] as const) {
      expect(await run([...ours.ioctl, option])).toEqual({ ...OK, stdout: expect.stringMatching(text) });
    }
  });
});

declare("swtpm_ioctl's habits", () => {
  test("options have one dash or two, in any order, with = or without", async () => {
    const server = await SwtpmProcess.start(debiansSwtpm, "tcp", "--tpm2", "--flags", "not-need-init");
    servers.push(server);
    const [, address = ""] = server.control;
    for (const args of [
      ["-tcp", address, "-c"],
      ["--c", `--tcp=${address}`],
      ["--unix", "/nonexistent", "-c", "--tcp", address, "stray"],
      ["-c", "--tcp", `localhost${address}`],
    ]) {
      const stdout = `ptm capability is 0x${debiansSwtpm.capability.toString(16)}\n`;
      expect(await run([...ours.ioctl, ...args])).toEqual({ ...OK, stdout });
    }
  });
});
