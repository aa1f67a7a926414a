import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TPM_RC } from "@vtpm/tpm2";
import { toHex } from "@vtpm/wire";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { uint32s } from "../../server/words.ts";
import { type BuiltProgram, buildProgram } from "../../testing/build-program.ts";
import { getRandom, responseCode, startup } from "../../testing/commands.ts";
import { VtpmProcess } from "../../testing/vtpm-process.ts";
import { WireClient } from "../../testing/wire-client.ts";

let built: BuiltProgram;
beforeAll(async () => {
  built = await buildProgram();
});
afterAll(() => built.remove());

let directory: string;
let processes: VtpmProcess[];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "vtpm-swtpm-"));
  processes = [];
});
afterEach(async () => {
  await Promise.all(processes.map((process) => process.kill("SIGKILL")));
  rmSync(directory, { recursive: true });
});

const inDirectory = (name: string): string => join(directory, name);

function swtpm(...args: readonly string[]): VtpmProcess {
  const started = new VtpmProcess(built.swtpm, args);
  processes.push(started);
  return started;
}

/** A TPM that is served on two Unix sockets. */
async function served(...more: readonly string[]): Promise<{
  readonly process: VtpmProcess;
  readonly data: WireClient;
  readonly control: WireClient;
}> {
  const [data, control] = [inDirectory("data"), inDirectory("control")];
  const process = swtpm(
    ...["socket", "--tpm2", "--tpmstate", `dir=${directory}`],
    ...["--server", `type=unixio,path=${data}`, "--ctrl", `type=unixio,path=${control}`, ...more],
  );
  return { process, data: await connected(process, data), control: await connected(process, control) };
}

/** A connection to a socket that is about to be opened. */
async function connected(process: VtpmProcess, path: string): Promise<WireClient> {
  let ended = false;
  void process.ended.then(() => {
    ended = true;
  });
  while (!ended) {
    try {
      return await WireClient.open(path);
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
  throw new Error(`swtpm ended: ${(await process.ended).stderr}`);
}

async function control(client: WireClient, request: Uint8Array, response: string): Promise<void> {
  client.send(request);
  expect(toHex(await client.receive(response.length / 2))).toBe(response);
}

describe("swtpm socket", () => {
  test("waits for INIT, and ends at SHUTDOWN without leaving its sockets", async () => {
    const tpm = await served();
    tpm.data.send(getRandom(4));
    expect(toHex(await tpm.data.response())).toBe("80010000000a00000101");
    await control(tpm.control, uint32s(2, 0), "00000000");
    tpm.data.send(getRandom(4));
    expect(responseCode(await tpm.data.response())).toBe(TPM_RC.INITIALIZE);
    tpm.data.send(startup(0));
    expect(responseCode(await tpm.data.response())).toBe(0);
    await control(tpm.control, uint32s(3), "00000000");
    expect(await tpm.process.ended).toMatchObject({ status: 0, stdout: "", stderr: "" });
    expect(readdirSync(directory).filter((name) => ["data", "control"].includes(name))).toEqual([]);
  });

  test.each([
    ["not-need-init", TPM_RC.INITIALIZE],
    ["startup-none", TPM_RC.INITIALIZE],
    ["startup-clear", 0],
    ["startup-state", 0],
  ])("starts with --flags %s", async (flag, code) => {
    const tpm = await served("--flags", flag);
    tpm.data.send(getRandom(4));
    expect(responseCode(await tpm.data.response())).toBe(code);
  });

  test("serves one data client at a time, and ends with it when told to", async () => {
    const tpm = await served("--terminate", "--flags", "startup-clear");
    tpm.data.send(getRandom(4));
    await tpm.data.response();
    const next = await WireClient.open(inDirectory("data"));
    next.send(getRandom(4));
    tpm.data.send(getRandom(5));
    expect(await tpm.data.response()).toHaveLength(17);
    tpm.data.close();
    expect(await tpm.process.ended).toMatchObject({ status: 0, stderr: "" });
    next.close();
  });

  test("goes into the background when it serves", async () => {
    const pid = inDirectory("pid");
    const foreground = swtpm(
      ...["socket", "--tpm2", "--tpmstate", `dir=${directory}`, "--daemon", "--pid", `file=${pid}`],
      ...["--ctrl", `type=unixio,path=${inDirectory("control")}`, "--flags", "startup-clear"],
    );
    expect(await foreground.ended).toMatchObject({ status: 0, stdout: "", stderr: "" });
    expect(statSync(pid).size).toBeGreaterThan(0);
    const client = await WireClient.open(inDirectory("control"));
    await control(client, uint32s(3), "00000000");
    await client.end();
    while (existsSync(pid)) await new Promise((resolve) => setTimeout(resolve, 5));
  });
});
