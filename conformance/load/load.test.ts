import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

/** What a day brings, `VTPM_LOAD_COMMANDS=1000000` for all of it. */
const COMMANDS = Number(process.env["VTPM_LOAD_COMMANDS"] ?? 20_000);
/** Commands that one client sends before it goes. */
const PER_CLIENT = 200;
/** Clients between two resets, saves and restores. */
const CLIENTS_PER_ROUND = 10;
/** Bytes by which memory may be larger at the end than when all had been done once. */
const MEMORY_GROWTH = 64 * 1024 * 1024;

const SWTPM = fileURLToPath(new URL("../../packages/vtpm/bin/swtpm.cjs", import.meta.url));
const hex = (text: string): Buffer => Buffer.from(text.replaceAll(" ", ""), "hex");
const STARTUP = hex("8001 0000000c 00000144 0000");
/** Reads, writes of RAM, writes of NV, refusals. */
const MIX = [
  hex("8001 0000000c 0000017b 0010"),
  hex("8001 00000014 0000017e 00000001 000b 03 010000"),
  hex(`8002 00000041 00000182 00000010 00000009 40000009 0000 00 0000 00000001 000b ${"5a".repeat(32)}`),
  hex("8001 00000016 0000017a 00000006 00000100 00000020"),
  hex("8001 0000000a 00000181"),
  hex("8001 0000000a ffffffff"),
  hex("8002 00000023 00000128 40000001 00000009 40000009 0000 00 0000 0000000000000000"),
];

/** Requests and answers, one after the other. */
class Client {
  readonly #socket: Socket;
  #received = Buffer.alloc(0);

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (chunk) => {
      this.#received = Buffer.concat([this.#received, chunk]);
      socket.emit("more");
    });
  }

  static async open(path: string): Promise<Client> {
    for (;;) {
      const socket = connect(path);
      try {
        await once(socket, "connect");
        return new Client(socket);
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 5)); // not yet
      }
    }
  }

  async receive(size: number): Promise<Buffer> {
    while (this.#received.length < size) await once(this.#socket, "more");
    const bytes = this.#received.subarray(0, size);
    this.#received = this.#received.subarray(size);
    return bytes;
  }

  async command(command: Uint8Array): Promise<Buffer> {
    this.#socket.write(command);
    const header = await this.receive(10);
    return Buffer.concat([header, await this.receive(header.readUInt32BE(2) - 10)]);
  }

  async control(request: Uint8Array, size = 4): Promise<Buffer> {
    this.#socket.write(request);
    return this.receive(size);
  }

  close(): void {
    this.#socket.destroy();
  }
}

const words = (...values: readonly number[]): Buffer => {
  const bytes = Buffer.alloc(4 * values.length);
  for (const [i, value] of values.entries()) bytes.writeUInt32BE(value, 4 * i);
  return bytes;
};

async function blobOf(control: Client, type: number): Promise<Buffer> {
  const head = await control.control(words(12, 1, type, 0), 16);
  expect(head.readUInt32BE(0)).toBe(0);
  return control.receive(head.readUInt32BE(12));
}

test(`${COMMANDS} commands of many clients, with resets and saves, leave memory and descriptors as they were`, async () => {
  const directory = mkdtempSync(join(tmpdir(), "vtpm-load-"));
  const [dataPath, controlPath] = [join(directory, "data"), join(directory, "control")];
  const swtpm = spawn(
    process.execPath,
    [
      ...[SWTPM, "socket", "--tpm2", "--tpmstate", `dir=${directory}`, "--flags", "startup-clear"],
      ...["--server", `type=unixio,path=${dataPath}`, "--ctrl", `type=unixio,path=${controlPath}`],
    ],
    { stdio: ["ignore", "ignore", "inherit"] },
  );
  const ended = once(swtpm, "exit");
  const proc = `/proc/${swtpm.pid}`;
  const measure = () => ({
    memory: Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`${proc}/status`, "utf8"))?.[1]) * 1024,
    descriptors: readdirSync(`${proc}/fd`).length,
  });
  try {
    let sent = 0;
    let control = await Client.open(controlPath);
    const round = async (): Promise<void> => {
      for (let i = 0; i < CLIENTS_PER_ROUND; i++) {
        const client = await Client.open(dataPath);
        for (let k = 0; k < PER_CLIENT; k++, sent++) {
          const response = await client.command(MIX[sent % MIX.length] ?? STARTUP);
          expect(response.length).toBeGreaterThanOrEqual(10);
        }
        // One of them leaves in the middle of a command.
        if (i === 0) void client.command(STARTUP.subarray(0, 7)).catch(() => {});
        client.close();
      }
      const [permanent, volatile] = [await blobOf(control, 1), await blobOf(control, 2)];
      expect(await control.control(words(10))).toEqual(words(0));
      expect(await control.control(words(14))).toEqual(words(0));
      for (const [type, blob] of [
        [1, permanent],
        [2, volatile],
      ] as const) {
        expect(await control.control(Buffer.concat([words(13, 0, type, blob.length), blob]))).toEqual(words(0));
      }
      expect(await control.control(words(2, 1))).toEqual(words(0));
      expect(await control.control(words(2, 0))).toEqual(words(0));
      control.close();
      control = await Client.open(controlPath);
      const client = await Client.open(dataPath);
      expect((await client.command(STARTUP)).readUInt32BE(6)).toBe(0);
      client.close();
    };
    const rounds = Math.ceil(COMMANDS / (CLIENTS_PER_ROUND * PER_CLIENT));
    // What is loaded and compiled late is there after a few of them.
    for (let i = 0; i < Math.ceil(rounds / 3); i++) await round();
    const before = measure();
    while (sent < COMMANDS) await round();
    const after = measure();
    expect(after.descriptors).toBeLessThanOrEqual(before.descriptors + 2);
    expect(after.memory - before.memory).toBeLessThan(MEMORY_GROWTH);
    expect(await control.control(words(3))).toEqual(words(0));
    await ended;
    expect(swtpm.exitCode).toBe(0);
  } finally {
    swtpm.kill("SIGKILL");
    rmSync(directory, { recursive: true });
  }
});
