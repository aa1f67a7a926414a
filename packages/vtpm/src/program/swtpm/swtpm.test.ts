import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync as readlink,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TPM_RC } from "@vtpm/tpm2";
import { concatBytes, toHex } from "@vtpm/wire";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { receiveMessage, sendMessage } from "../../native/socket-message.ts";
import { uint32s } from "../../server/words.ts";
import { boundSocket } from "../../testing/bound-socket.ts";
import { type BuiltProgram, buildProgram } from "../../testing/build-program.ts";
import { createPrimaryRsa, getRandom, responseCode, startup } from "../../testing/commands.ts";
import { socketPair } from "../../testing/socket-pair.ts";
import { SwtpmProcess, type SwtpmProcessOptions } from "../../testing/swtpm-process.ts";
import { WireClient } from "../../testing/wire-client.ts";
import { OPTIONS } from "./option-table.ts";

let built: BuiltProgram;
beforeAll(async () => {
  built = await buildProgram();
});
afterAll(() => built.remove());

let directory: string;
let processes: SwtpmProcess[];
let descriptors: number[];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "vtpm-swtpm-"));
  mkdirSync(join(directory, "state"));
  processes = [];
  descriptors = [];
});
afterEach(async () => {
  await Promise.all(processes.map((process) => process.kill("SIGKILL")));
  for (const descriptor of descriptors) closeSync(descriptor);
  rmSync(directory, { recursive: true });
});

const place = (name: string): string => join(directory, name);
const STATE_FILE = "tpm2-00.permall";

function start(args: readonly string[], options?: SwtpmProcessOptions): SwtpmProcess {
  const started = new SwtpmProcess(built.swtpm, args, options);
  processes.push(started);
  return started;
}

const TPM = (): readonly string[] => ["socket", "--tpm2", "--tpmstate", `dir=${place("state")}`];
const CONTROL = (): readonly string[] => ["--ctrl", `type=unixio,path=${place("control")}`];
const SERVER = (): readonly string[] => ["--server", `type=unixio,path=${place("data")}`];

/** A TPM that waits at two Unix sockets. */
async function serve(more: readonly string[] = [], options?: SwtpmProcessOptions) {
  const process = start([...TPM(), ...CONTROL(), ...SERVER(), ...more], options);
  return { process, control: await process.connect(place("control")), data: await process.connect(place("data")) };
}

async function expectAnswer(control: WireClient, request: Uint8Array, response: string): Promise<void> {
  control.send(request);
  expect(toHex(await control.receive(response.length / 2))).toBe(response);
}

async function codeOf(data: WireClient, command: Uint8Array): Promise<number> {
  data.send(command);
  return responseCode(await data.response());
}

/** SHUTDOWN, and the end of the process. */
async function end(process: SwtpmProcess, control: WireClient): Promise<void> {
  await expectAnswer(control, uint32s(3), "00000000");
  expect(await process.ended).toMatchObject({ status: 0, stderr: "" });
  control.close();
}

async function refusal(args: readonly string[], options?: SwtpmProcessOptions): Promise<string> {
  const ended = await start(args, options).ended;
  expect(ended).toMatchObject({ status: 1, stdout: "" });
  return ended.stderr;
}

function pairOf(type: "stream" | "datagram"): { readonly ours: number; readonly theirs: number } {
  const pair = socketPair(type);
  descriptors.push(pair.ours, pair.theirs);
  return pair;
}

/** Asks over a descriptor. */
async function exchange(fd: number, request: Uint8Array): Promise<Uint8Array> {
  sendMessage(fd, request, []);
  return received(fd);
}

/** What comes next at a descriptor. */
async function received(fd: number): Promise<Uint8Array> {
  for (;;) {
    try {
      return receiveMessage(fd, 4096).data;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 5)); // not yet
    }
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address !== null ? address.port : 0;
}

describe("the life of swtpm socket", () => {
  test("waits for INIT, and ends at SHUTDOWN without leaving its sockets", async () => {
    const { process, control, data } = await serve();
    data.send(getRandom(4));
    expect(toHex(await data.response())).toBe("80010000000a00000101");
    expect(existsSync(place(`state/${STATE_FILE}`))).toBe(false);
    await expectAnswer(control, uint32s(2, 0), "00000000");
    expect(await codeOf(data, getRandom(4))).toBe(TPM_RC.INITIALIZE);
    expect(await codeOf(data, startup(0))).toBe(0);
    await end(process, control);
    expect(readdirSync(directory)).toEqual(["state"]);
    expect(readdirSync(place("state"))).toContain(STATE_FILE);
  });

  test.each([
    ["not-need-init", TPM_RC.INITIALIZE],
    ["startup-none", TPM_RC.INITIALIZE],
    ["startup-clear", 0],
    ["startup-state", 0],
    ["startup-none,startup-clear", 0],
  ])("starts with --flags %s", async (flags, code) => {
    const { process, control, data } = await serve(["--flags", flags]);
    expect(await codeOf(data, getRandom(4))).toBe(code);
    await end(process, control);
  });

  test.each(["SIGTERM", "SIGINT"] as const)("ends in an orderly way at %s, a client or not", async (signal) => {
    const { process, data } = await serve(["--flags", "startup-clear"]);
    expect(await codeOf(data, getRandom(4))).toBe(0);
    expect(await process.kill(signal)).toMatchObject({ status: 0, signal: null, stderr: "" });
    expect(readdirSync(directory)).toEqual(["state"]);
  });

  test("cancels the making of a key well within a second, and ends in the middle of one", async () => {
    const { process, control, data } = await serve(["--flags", "startup-clear"]);
    // One that was found at once could not be cancelled.
    for (let unique = 0, cancelled = false; !cancelled; unique++) {
      data.send(createPrimaryRsa(3072, unique));
      await expectAnswer(control, uint32s(9), "00000000");
      const response = await data.response();
      cancelled = responseCode(response) === TPM_RC.CANCELED;
      if (!cancelled) expect(await codeOf(data, startup(0))).toBe(TPM_RC.INITIALIZE);
      await expectAnswer(control, uint32s(2, 0), "00000000");
      expect(await codeOf(data, startup(0))).toBe(0);
    }
    data.send(createPrimaryRsa(3072, 99));
    await end(process, control);
  });

  test("ends although a client has sent half a command, half a request, or waits", async () => {
    const { process, control, data } = await serve();
    data.send(getRandom(4).slice(0, 5));
    const waiting = await WireClient.open(place("data"));
    waiting.send(getRandom(4));
    control.send(uint32s(2));
    expect(await process.kill("SIGTERM")).toMatchObject({ status: 0, stderr: "" });
    waiting.close();
  });

  test("goes on in the background, and the first process ends when it serves", async () => {
    const args = [...TPM(), ...CONTROL(), "--flags", "startup-clear", "--daemon", "--pid", `file=${place("pid")}`];
    expect(await start(args).ended).toMatchObject({ status: 0, stdout: "", stderr: "" });
    expect(statSync(place("pid")).size).toBeGreaterThan(0);
    expect(existsSync(place(`state/${STATE_FILE}`))).toBe(true);
    const control = await WireClient.open(place("control"));
    control.send(uint32s(3));
    expect(toHex(await control.receive(4))).toBe("00000000");
    while (existsSync(place("pid"))) await new Promise((resolve) => setTimeout(resolve, 5));
    control.close();
  });

  test("fails in the background as in the foreground", async () => {
    writeFileSync(place(`state/${STATE_FILE}`), "no state");
    const args = [...TPM(), ...CONTROL(), "--flags", "startup-clear", "--daemon"];
    expect(await refusal(args)).toMatch(/^swtpm: .*tpm2-00\.permall/);
  });

  test.each(["path", "@name"])("tells systemd at its %s", async (kind) => {
    const address = kind === "path" ? place("notify") : `@vtpm-${process.pid}-${Date.now()}`;
    const systemd = boundSocket("datagram", address);
    descriptors.push(systemd);
    const environment = { NOTIFY_SOCKET: address };
    const { process: swtpm, control } = await serve(["--flags", "startup-clear"], { environment });
    expect(new TextDecoder().decode(await received(systemd))).toBe("READY=1");
    await end(swtpm, control);
  });
});

describe("where commands come from", () => {
  test.each(["--port", "-p"])("%s: a connection for each", async (option) => {
    const port = await freePort();
    const process = start([...TPM(), option, `${port}`, "--flags", "startup-clear"]);
    for (let i = 0; i < 2; i++) {
      const data = await process.connect(port);
      expect(await codeOf(data, getRandom(4))).toBe(0);
      expect(await data.end()).toBe(0);
    }
  });

  test.each([
    ["port", (port: number) => `type=tcp,port=${port}`, {}],
    ["address", (port: number) => `type=tcp,port=${port},bindaddr=127.0.0.1`, {}],
    ["environment", () => "type=tcp", "TPM_PORT"],
    ["no type", (port: number) => `port=${port}`, {}],
  ] as const)("--server with TCP: %s", async (_, server, variable) => {
    const port = await freePort();
    const environment = typeof variable === "string" ? { [variable]: `${port}` } : {};
    const process = start([...TPM(), "--server", server(port), "--flags", "startup-clear"], { environment });
    const data = await process.connect(port);
    for (let i = 0; i < 2; i++) expect(await codeOf(data, getRandom(4))).toBe(0);
    data.close();
    const next = await process.connect(port);
    expect(await codeOf(next, getRandom(4))).toBe(0);
    next.close();
  });

  test("--server with disconnect", async () => {
    const process = start([...TPM(), "--server", `type=unixio,path=${place("data")},disconnect`]);
    const data = await process.connect(place("data"));
    data.send(getRandom(4));
    await data.response();
    expect(await data.end()).toBe(0);
  });

  test("--server and --ctrl take the place of what is there, with the mode that is asked for", async () => {
    writeFileSync(place("data"), "");
    const more = ["--server", `type=unixio,path=${place("data")},mode=0600,uid=${process.getuid?.()}`];
    const { process: swtpm, control } = await serve(more);
    expect(statSync(place("data")).mode & 0o777).toBe(0o600);
    expect(statSync(place("control")).mode & 0o777).toBe(0o770);
    await end(swtpm, control);
  });

  test("--server type=tcp,fd=N: a connection, with which the program ends", async () => {
    const { ours, theirs } = pairOf("stream");
    const process = start([...TPM(), "--server", "type=tcp,fd=3", "--flags", "startup-clear"], {
      descriptors: [theirs],
    });
    expect(responseCode(await exchange(ours, getRandom(4)))).toBe(0);
    for (const fd of descriptors.splice(0)) closeSync(fd);
    expect(await process.ended).toMatchObject({ status: 0, stderr: "" });
  });

  test("--server and --ctrl type=unixio,fd=N: listening sockets", async () => {
    const listening = [boundSocket("stream", place("data")), boundSocket("stream", place("control"))];
    const process = start([...TPM(), "--server", "type=unixio,fd=3", "--ctrl", "type=unixio,fd=4"], {
      descriptors: listening,
    });
    for (const fd of listening) closeSync(fd);
    const client = await process.connect(place("control"));
    await expectAnswer(client, uint32s(2, 0), "00000000");
    const commands = await process.connect(place("data"));
    expect(await codeOf(commands, startup(0))).toBe(0);
    await end(process, client);
  });

  test.each(["stream", "datagram"] as const)("--fd: a %s socket", async (type) => {
    const { ours, theirs } = pairOf(type);
    const process = start([...TPM(), ...CONTROL(), "--fd", "3", "--flags", "startup-clear"], { descriptors: [theirs] });
    expect(responseCode(await exchange(ours, getRandom(4)))).toBe(0);
    const control = await process.connect(place("control"));
    sendMessage(ours, getRandom(5), []);
    await expectAnswer(control, uint32s(16), "00000003");
    await end(process, control);
  });

  test("--terminate: the program ends with the connection, not between them", async () => {
    const { process, data } = await serve(["--terminate", "--flags", "startup-clear"]);
    expect(await codeOf(data, getRandom(4))).toBe(0);
    data.close();
    expect(await process.ended).toMatchObject({ status: 0, stderr: "" });
  });

  test("one client at a time, the others wait", async () => {
    const { process, control, data } = await serve(["--flags", "startup-clear"]);
    const waiting = await WireClient.open(place("data"));
    waiting.send(getRandom(8));
    expect(await codeOf(data, getRandom(4))).toBe(0);
    data.close();
    expect((await waiting.response()).length).toBe(20);
    waiting.close();
    await end(process, control);
  });

  test("the send-command header", async () => {
    const { process, control, data } = await serve(["--flags", "startup-clear"]);
    data.send(uint32s(8), Uint8Array.of(3), uint32s(12), getRandom(4));
    expect(responseCode(await data.framedResponse())).toBe(0);
    await end(process, control);
  });

  test.each([
    [[], 0, TPM_RC.FAILURE],
    [["--locality", "allow-set-locality"], 4, 0],
    [["--locality", "allow-set-locality"], 5, 0x107],
    [["--locality", "allow-set-locality,reject-locality-4"], 4, 0x107],
  ])("SetLocality of the vTPM proxy: %s, %i", async (more, locality, code) => {
    const { process, control, data } = await serve([...more, "--flags", "startup-clear"]);
    const command = Uint8Array.of(0x80, 1, 0, 0, 0, 11, 0x20, 0, 0x10, 0, locality);
    expect(await codeOf(data, command)).toBe(code);
    await end(process, control);
  });
});

describe("the control channel", () => {
  test("on a Unix socket where koffi is not installed: all but SET_DATAFD", async () => {
    const without = place("without-koffi.cjs");
    writeFileSync(
      without,
      `const { Module } = require("node:module"); const resolve = Module._resolveFilename;
       Module._resolveFilename = function (name, ...rest) {
         if (name === "koffi") throw Object.assign(new Error("not here"), { code: "MODULE_NOT_FOUND" });
         return resolve.call(this, name, ...rest);
       };`,
    );
    const { control } = await serve([], { environment: { NODE_OPTIONS: `--require ${without}` } });
    await expectAnswer(control, uint32s(2, 0), "00000000");
    await expectAnswer(control, uint32s(0x10), "00000003");
  });

  test("on TCP", async () => {
    const port = await freePort();
    const process = start([...TPM(), "--ctrl", `type=tcp,port=${port},bindaddr=127.0.0.1`]);
    const control = await process.connect(port);
    await expectAnswer(control, uint32s(1), "000000000001ffff");
    await end(process, control);
  });

  test.each(["stream", "datagram"] as const)("on an inherited %s socket", async (type) => {
    const { ours, theirs } = pairOf(type);
    const process = start([...TPM(), "--ctrl", "type=unixio,clientfd=3"], { descriptors: [theirs] });
    expect(toHex(await exchange(ours, uint32s(1)))).toBe("000000000001ffff");
    expect(toHex(await exchange(ours, uint32s(3)))).toBe("00000000");
    expect(await process.ended).toMatchObject({ status: 0, stderr: "" });
  });

  test("with terminate: the program ends with the connection", async () => {
    const process = start([...TPM(), "--ctrl", `type=unixio,path=${place("control")},terminate`]);
    const control = await process.connect(place("control"));
    await expectAnswer(control, uint32s(1), "000000000001ffff");
    control.close();
    expect(await process.ended).toMatchObject({ status: 0, stderr: "" });
  });

  test("without it: the next client is served", async () => {
    const { process, control } = await serve();
    control.close();
    await end(process, await process.connect(place("control")));
  });

  test("refuses locality 4 where that is asked for", async () => {
    const { process, control } = await serve(["--locality", "reject-locality-4"]);
    await expectAnswer(control, concatBytes(uint32s(5), Uint8Array.of(4)), "0000003d");
    await end(process, control);
  });
});

/** A start that makes a state, or uses one, and ends. */
async function startAndEnd(...more: readonly string[]): Promise<void> {
  const { process, control } = await serve(["--flags", "startup-clear", ...more]);
  await end(process, control);
}

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
    await startAndEnd("--tpmstate", `dir=${place("state")},mode=0666`);
    expect(statSync(place(`state/${STATE_FILE}`)).mode & 0o777).toBe(0o666);
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
    expect(readdirSync(directory)).not.toContain("key");
    expect(readdirSync(directory)).not.toContain("migration");
    await end(process, control);
  });

  test.each([
    ["file=KEY", "too short", /hex digits/],
    ["file=KEY,format=binary", "0123456789", /16 or 32 bytes/],
    ["file=/nowhere", "", /cannot read \/nowhere/],
    ["fd=99", "", /descriptor 99/],
  ])("--key %s with %s is refused", async (key, content, message) => {
    writeFileSync(place("key"), content);
    expect(await refusal([...TPM(), ...SERVER(), "--key", key.replace("KEY", place("key"))])).toMatch(message);
  });

  test("a short passphrase is warned of", async () => {
    writeFileSync(place("key"), "short");
    const process = start([...TPM(), ...CONTROL(), "--key", `pwdfile=${place("key")}`]);
    const control = await process.connect(place("control"));
    await expectAnswer(control, uint32s(3), "00000000");
    expect((await process.ended).stderr).toMatch(/passphrase of --key is short/);
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
  ])("--profile %s", async (option, name) => {
    writeFileSync(place("profile"), '\n{"Name":"custom:mine"}\n');
    expect(await active("--profile", option.replace("FILE", place("profile")))).toBe(name);
    expect(await active()).toBe(name);
    expect(await refusal([...TPM(), ...SERVER(), "--flags", "startup-clear", "--profile", "name=default-v1"])).toMatch(
      /profile/,
    );
  });

  test.each([
    ["name=newest", /newest/],
    ["name=null,remove-disabled=fips-host", /for custom profiles/],
    ["file=/nowhere", /cannot read \/nowhere/],
  ])("--profile %s is refused", async (option, message) => {
    expect(await refusal([...TPM(), ...SERVER(), "--profile", option])).toMatch(message);
  });
});

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
    expect(log).toMatch(/^\[x\] {2}SWTPM_IO_Read: length 12\n\[x\] {2}80 01 00 00 00 0C 00 00 01 7B 00 04\n/);
    expect(log).toMatch(/ SWTPM_IO_Write: length 16\n/);
    expect(log).toMatch(/ Ctrl Cmd: length 4\n\[x\] {2}00 00 00 03\n\[x\] {2}Ctrl Rsp: length 4\n/);
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

  test("go nowhere with -", async () => {
    writeFileSync(place(`state/${STATE_FILE}`), "no state");
    const ended = await start([...TPM(), ...SERVER(), "--flags", "startup-clear", "--log", "file=-"]).ended;
    expect(ended).toMatchObject({ status: 1, stdout: "", stderr: "" });
  });
});

describe("the process id", () => {
  test("is written to a file, and that is removed at the end", async () => {
    const { process, control } = await serve(["--pid", `file=${place("pid")}`]);
    await process.until(() => statSync(place("pid")).size > 0);
    expect(readFileSync(place("pid"), "utf8")).toBe(`${process.pid}`);
    expect(statSync(place("pid")).mode & 0o777).toBe(0o644);
    await end(process, control);
    expect(existsSync(place("pid"))).toBe(false);
  });

  test("is written to a descriptor", async () => {
    const fd = openSync(place("pid"), "w");
    const { process, control } = await serve(["--pid", "fd=3"], { descriptors: [fd] });
    closeSync(fd);
    await process.until(() => statSync(place("pid")).size > 0);
    expect(readFileSync(place("pid"), "utf8")).toBe(`${process.pid}`);
    await end(process, control);
    expect(existsSync(place("pid"))).toBe(false);
  });
});

describe.runIf(process.getuid?.() === 0)("confinement, as root", () => {
  test.each([
    [[], "2"],
    [["--seccomp", "action=kill"], "2"],
    [["--seccomp", "action=log"], "2"],
    [["--seccomp", "action=none"], "0"],
  ])("--seccomp %s", async (more, mode) => {
    const { process, control } = await serve(["--flags", "startup-clear", ...more]);
    await process.until(() =>
      new RegExp(`^Seccomp:\\t${mode}$`, "m").test(readFileSync(`/proc/${process.pid}/status`, "utf8")),
    );
    await end(process, control);
  });

  test.each(["dir=/state", "dir=state", "backend-uri=dir://state"])(
    "--chroot and --runas, and all goes on inside, with %s",
    async (state) => {
      const nobody = 65534;
      mkdirSync(place("root"));
      mkdirSync(place("root/state"), { mode: 0o777 });
      chmodSync(place("root/state"), 0o777);
      const args = ["--tpmstate", state, "--ctrl", "type=unixio,path=/state/control", "--server"];
      const process = start([
        ...["socket", "--tpm2", ...args, "type=unixio,path=/state/data", "--flags", "startup-clear"],
        ...["--chroot", place("root"), "--runas", "nobody", "--log", "file=/state/log"],
      ]);
      const control = await process.connect(place("root/state/control"));
      const data = await process.connect(place("root/state/data"));
      expect(readlink(`/proc/${process.pid}/root`)).toBe(place("root"));
      expect(readFileSync(`/proc/${process.pid}/status`, "utf8")).toMatch(
        new RegExp(`^Uid:\\t${nobody}\\t${nobody}`, "m"),
      );
      // A key needs a thread, whose module is out of reach.
      expect(await codeOf(data, createPrimaryRsa(2048))).toBe(0);
      await end(process, control);
      expect(existsSync(place("root/state/tpm2-00.permall"))).toBe(true);
      expect(readFileSync(place("root/state/log"), "utf8")).toBe("");
    },
  );

  test.each([
    [["--runas", "nobody-at-all"], /no user "nobody-at-all"/],
    [["--chroot", "/nowhere"], /--chroot \/nowhere: /],
  ])("%s is refused", async (more, message) => {
    expect(await refusal([...TPM(), ...SERVER(), ...more])).toMatch(message);
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
    descriptors.push(fd);
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
  });

  test("states: none, and what is none", async () => {
    const args = ["socket", "--tpm2", "--print-states"];
    expect((await start([...args, "--tpmstate", `dir=${place("state")}`]).ended).stdout).toBe(
      '{ "type": "swtpm", "states": [] }',
    );
    expect(await refusal(args)).toMatch(/--print-states needs --tpmstate/);
    mkdirSync(place(`state/${STATE_FILE}`));
    expect(await refusal([...args, "--tpmstate", `dir=${place("state")}`])).toMatch(/is not a regular file/);
  });
});
