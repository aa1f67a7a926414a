import { closeSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { toHex } from "@vtpm/wire";
import { afterEach, beforeEach, expect, inject } from "vitest";
import { receiveMessage, sendMessage } from "../native/socket-message.ts";
import { uint32s } from "../server/words.ts";
import { responseCode } from "./commands.ts";
import { socketPair } from "./socket-pair.ts";
import { SwtpmProcess, type SwtpmProcessOptions } from "./swtpm-process.ts";
import type { WireClient } from "./wire-client.ts";

export const STATE_FILE = "tpm2-00.permall";

/** Processes of the built swtpm in a folder of each test's own; what is left of them ends with the test. */
export function swtpmFixture() {
  const built = inject("builtProgram");
  const descriptors: number[] = [];
  let processes: SwtpmProcess[] = [];
  let directory = "";

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "vtpm-swtpm-"));
    mkdirSync(join(directory, "state"));
  });
  afterEach(async () => {
    await Promise.all(processes.map((process) => process.kill("SIGKILL")));
    processes = [];
    for (const descriptor of descriptors.splice(0)) closeSync(descriptor);
    rmSync(directory, { recursive: true });
  });

  const place = (name: string): string => join(directory, name);
  const TPM = (): readonly string[] => ["socket", "--tpm2", "--tpmstate", `dir=${place("state")}`];
  const CONTROL = (): readonly string[] => ["--ctrl", `type=unixio,path=${place("control")}`];
  const SERVER = (): readonly string[] => ["--server", `type=unixio,path=${place("data")}`];

  function start(args: readonly string[], options?: SwtpmProcessOptions): SwtpmProcess {
    const started = new SwtpmProcess(built.swtpm, args, options);
    processes.push(started);
    return started;
  }

  /** A TPM that waits at two Unix sockets. */
  async function serve(more: readonly string[] = [], options?: SwtpmProcessOptions) {
    const process = start([...TPM(), ...CONTROL(), ...SERVER(), ...more], options);
    return { process, control: await process.connect(place("control")), data: await process.connect(place("data")) };
  }

  /** A start that makes a state, or uses one, and ends. */
  async function startAndEnd(...more: readonly string[]): Promise<void> {
    const { process, control } = await serve(["--flags", "startup-clear", ...more]);
    await end(process, control);
  }

  /** What a program that refuses to start says. */
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

  return {
    /** The folder of this test. */
    get directory() {
      return directory;
    },
    /** Closed when the test ends. */
    descriptors,
    place,
    TPM,
    CONTROL,
    SERVER,
    start,
    serve,
    startAndEnd,
    refusal,
    pairOf,
  };
}

export async function expectAnswer(control: WireClient, request: Uint8Array, response: string): Promise<void> {
  control.send(request);
  expect(toHex(await control.receive(response.length / 2))).toBe(response);
}

export async function codeOf(data: WireClient, command: Uint8Array): Promise<number> {
  data.send(command);
  return responseCode(await data.response());
}

/** SHUTDOWN, and the end of the process. */
export async function end(process: SwtpmProcess, control: WireClient): Promise<void> {
  await expectAnswer(control, uint32s(3), "00000000");
  expect(await process.ended).toMatchObject({ status: 0, stderr: "" });
  control.close();
}

/** Asks over a descriptor. */
export async function exchange(fd: number, request: Uint8Array): Promise<Uint8Array> {
  sendMessage(fd, request, []);
  return received(fd);
}

/** What comes next at a descriptor. */
export async function received(fd: number): Promise<Uint8Array> {
  for (;;) {
    try {
      return receiveMessage(fd, 4096).data;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 5)); // not yet
    }
  }
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address !== null ? address.port : 0;
}
