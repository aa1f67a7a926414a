import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { TPM_RC } from "@vtpm/tpm2";
import { concatBytes } from "@vtpm/wire";
import { afterEach, beforeEach, describe, expect, inject, test } from "vitest";
import { uint32s } from "../server/words.ts";
import { buildProgram } from "../testing/build-program.ts";
import { createPrimaryRsa, flush, getRandom, handleIn, responseCode, startup } from "../testing/commands.ts";
import { type Ready, VtpmProcess } from "../testing/vtpm-process.ts";
import { WireClient } from "../testing/wire-client.ts";

const STATE_FILE = "tpm2-00.permall";
/** What an orderly end leaves in a state directory. */
const LEFT = [".lock", STATE_FILE];

const built = inject("builtProgram");

let directory: string;
let processes: VtpmProcess[];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "vtpm-program-"));
  processes = [];
});
afterEach(async () => {
  await Promise.all(processes.map((process) => process.kill("SIGKILL")));
  rmSync(directory, { recursive: true });
});

function vtpm(...args: readonly string[]): VtpmProcess {
  const environment = { ...process.env, XDG_DATA_HOME: join(directory, "data") };
  const started = new VtpmProcess(built.program, args, environment);
  processes.push(started);
  return started;
}

const serve = (...args: readonly string[]): VtpmProcess => vtpm("serve", "--json", ...args);
const stateDirectory = (): string => join(directory, "state");

async function send(port: number | string, command: Uint8Array): Promise<Uint8Array> {
  const client = await WireClient.open(port);
  try {
    client.send(command);
    return await client.response();
  } finally {
    client.close();
  }
}
const codeOf = async (port: number | string, command: Uint8Array): Promise<number> =>
  responseCode(await send(port, command));

describe("vtpm serve", () => {
  test("serves all it is asked to, ready for commands, and ends in an orderly way", async () => {
    const socket = join(directory, "tpm.sock");
    const server = serve("--state", stateDirectory(), "--port", "0", "--mssim", "0", "--socket", socket);
    const ready = await server.ready();
    expect(ready).toMatchObject({ state: stateDirectory(), host: "127.0.0.1", socket });
    expect(ready.control).toBe(ready.port + 1);
    expect(ready.platform).toBe(ready.mssim + 1);
    expect(ready.tcti).toEqual([
      `swtpm:host=127.0.0.1,port=${ready.port}`,
      `swtpm:path=${socket}`,
      `mssim:host=127.0.0.1,port=${ready.mssim}`,
    ]);
    expect(await codeOf(ready.port, getRandom(4))).toBe(0);
    expect(await codeOf(socket, getRandom(4))).toBe(0);
    const simulator = await WireClient.open(ready.mssim);
    simulator.send(concatBytes(uint32s(8), Uint8Array.of(0), uint32s(getRandom(4).length), getRandom(4)));
    expect(responseCode(await simulator.framedResponse())).toBe(0);
    simulator.close();

    expect(await server.kill("SIGTERM")).toMatchObject({ status: 0, signal: null, stderr: "" });
    expect(readdirSync(stateDirectory()).sort()).toEqual(LEFT);
    expect(existsSync(socket)).toBe(false);
    expect(existsSync(`${socket}.ctrl`)).toBe(false);
  });

  test("keeps its state in the user's data directory unless told otherwise", async () => {
    const server = serve("--port", "0");
    expect((await server.ready()).state).toBe(join(directory, "data", "vtpm"));
    await server.kill("SIGINT");
    expect(readdirSync(join(directory, "data", "vtpm")).sort()).toEqual(LEFT);
  });

  test("keeps nothing when told to", async () => {
    const server = serve("--ephemeral", "--port", "0");
    expect(await server.ready()).not.toHaveProperty("state");
    await server.kill("SIGTERM");
    expect(readdirSync(directory)).toEqual([]);
  });

  test("tells people how to reach it", async () => {
    const server = vtpm("serve", "--ephemeral", "--port", "0");
    await server.line();
    const { stdout } = await server.kill("SIGTERM");
    expect(stdout).toMatch(
      /^vtpm \d+\.\d+\.\d+: a TPM 2\.0 is ready, nothing of it is kept\n {2}127\.0\.0\.1:\d+ \(control channel \d+\)\nTo use it with tpm2-tools:\n {2}export TPM2TOOLS_TCTI="swtpm:host=127\.0\.0\.1,port=\d+"\n$/,
    );
  });

  test("sends TPM2_Startup as asked", async () => {
    const args = ["--state", stateDirectory(), "--port", "0"];
    const none = serve(...args, "--startup", "none");
    const { port } = await none.ready();
    expect(await codeOf(port, getRandom(4))).toBe(TPM_RC.INITIALIZE);
    expect(await codeOf(port, startup(0))).toBe(0);
    await none.kill("SIGTERM");

    const resumed = serve(...args, "--startup", "state");
    expect(await codeOf((await resumed.ready()).port, getRandom(4))).toBe(0);
    await resumed.kill("SIGKILL");

    // There is nothing to resume now.
    const again = serve(...args, "--startup", "state");
    expect(await codeOf((await again.ready()).port, getRandom(4))).toBe(0);
    const { stderr } = await again.kill("SIGTERM");
    expect(stderr).toBe("");
  });

  test("ends when a client asks for it", async () => {
    const server = serve("--state", stateDirectory(), "--port", "0");
    const control = await WireClient.open((await server.ready()).control);
    control.send(uint32s(3));
    expect(await control.receive(4)).toEqual(uint32s(0));
    expect(await server.ended).toMatchObject({ status: 0, stderr: "" });
    control.close();
    expect(readdirSync(stateDirectory()).sort()).toEqual(LEFT);
  });

  test("cancels the making of an RSA key when asked to, and ends in the middle of one", async () => {
    const server = serve("--ephemeral", "--port", "0");
    const { port, control } = await server.ready();
    const tpm = await WireClient.open(port);
    // A cancel that comes before its command, or too late, finds nothing to do: then there is a key.
    for (let unique = 0, cancelled = false; !cancelled; unique++) {
      tpm.send(createPrimaryRsa(3072, unique));
      const channel = await WireClient.open(control);
      channel.send(uint32s(9));
      expect(await channel.receive(4)).toEqual(uint32s(0));
      channel.close();
      const response = await tpm.response();
      cancelled = responseCode(response) === TPM_RC.CANCELED;
      if (!cancelled) expect(await codeOf(port, flush(handleIn(response)))).toBe(0);
    }
    tpm.send(createPrimaryRsa(3072, 99));
    expect(await server.kill("SIGTERM")).toMatchObject({ status: 0, signal: null, stderr: "" });
    tpm.close();
  });

  test("says with --verbose why it ends", async () => {
    const server = serve("--ephemeral", "--port", "0", "--verbose");
    await server.ready();
    expect((await server.kill("SIGTERM")).stderr).toBe("vtpm: ending, as SIGTERM asked\n");
  });
});

describe("vtpm refuses, in one line,", () => {
  async function refusal(status: number, ...args: readonly string[]): Promise<string> {
    const ended = await vtpm(...args).ended;
    expect(ended).toMatchObject({ status, stdout: "" });
    expect(ended.stderr).toMatch(/^vtpm: .+\n$/);
    return ended.stderr.slice(6, -1);
  }

  test("options it does not understand", async () => {
    expect(await refusal(2)).toBe('what to do? See "vtpm --help"');
    expect(await refusal(2, "server")).toBe('there is no command "server": see "vtpm --help"');
    expect(await refusal(2, "serve", "--prot", "1")).toBe(`Unknown option '--prot': see "vtpm serve --help"`);
    expect(await refusal(2, "serve", "--port")).toMatch(/^Option '--port <value>' argument missing: see/);
    expect(await refusal(2, "serve", "--port", "http")).toBe('--port takes a port from 0 to 65534, not "http"');
    expect(await refusal(2, "serve", "--mssim", "65535")).toBe('--mssim takes a port from 0 to 65534, not "65535"');
    expect(await refusal(2, "serve", "--startup", "now")).toBe('--startup takes clear, state, none, not "now"');
    expect(await refusal(2, "serve", "--state", "ftp://a")).toBe(
      '--state takes a directory, dir://DIRECTORY or file://FILE, not "ftp://a"',
    );
    expect(await refusal(2, "serve", "--state", "a", "--ephemeral")).toBe("--state and --ephemeral exclude each other");
    const many = ["--state", "a", "--state", "b"];
    for (const place of [[], ["--port", "0"], ["--vtpm-proxy", "--socket", "c"]]) {
      expect(await refusal(2, "serve", ...many, ...place)).toBe(
        "--state can be given several times only for devices of --vtpm-proxy: other places serve one TPM",
      );
    }
    expect(readdirSync(directory)).toEqual([]);
  });

  test("xen where there is none", async () => {
    const xenstore = join(directory, "none");
    expect(await refusal(1, "xen", "--xenstore", xenstore, "--state", stateDirectory())).toMatch(
      /^cannot reach xenstored at .*none: .*; this must run in a domain with Xen's tools, after xenstored was started$/,
    );
  });

  test("a state directory that is a file", async () => {
    writeFileSync(stateDirectory(), "a file");
    expect(await refusal(1, "serve", "--state", stateDirectory(), "--port", "0")).toBe(
      `cannot use ${stateDirectory()} as state directory: not a directory (ENOTDIR)`,
    );
    expect(readFileSync(stateDirectory(), "utf8")).toBe("a file");
  });

  test("a profile that nobody knows, and another than the TPM has", async () => {
    const args = ["serve", "--state", stateDirectory(), "--port", "0"];
    expect(await refusal(2, ...args, "--profile", "newest")).toMatch(/^--profile: .*newest/);
    expect(existsSync(stateDirectory())).toBe(false);
    const first = serve(...args.slice(1), "--profile", "null");
    await first.ready();
    await first.kill("SIGTERM");
    const file = join(stateDirectory(), STATE_FILE);
    const stored = readFileSync(file);
    expect(await refusal(1, ...args, "--profile", "default-v2")).toBe(
      `${file} is a TPM of profile null, which cannot be changed: ask for that one, or for another directory`,
    );
    expect(readFileSync(file)).toEqual(stored);
    await serve(...args.slice(1), "--profile", '{"Name":"null"}').ready();
  });

  test("a linear file that another process owns, or that is none", async () => {
    const where = `file://${join(directory, "linear")}`;
    await serve("--state", where, "--port", "0").ready();
    expect(await refusal(1, "serve", "--state", where, "--port", "0")).toBe(
      `${join(directory, "linear")} is in use by another process: stop it, or choose another file`,
    );
    writeFileSync(join(directory, "other"), "");
    expect(await refusal(1, "serve", "--state", `file://${join(directory, "other")}`, "--port", "0")).toMatch(
      /other is not a linear store that could be used: 0 bytes/,
    );
  });

  test("a state directory that another process owns", async () => {
    const args = ["--state", stateDirectory(), "--port", "0"];
    const owner = serve(...args);
    const { port } = await owner.ready();
    expect(await refusal(1, "serve", ...args)).toBe(
      `${stateDirectory()} is in use by another process: stop it, or choose another directory`,
    );
    expect(await codeOf(port, getRandom(4))).toBe(0);
    await owner.kill("SIGKILL");
    const next = serve(...args);
    expect(await codeOf((await next.ready()).port, getRandom(4))).toBe(0);
  });

  test("damaged state, and overwrites nothing", async () => {
    mkdirSync(stateDirectory());
    const file = join(stateDirectory(), STATE_FILE);
    writeFileSync(file, "damaged");
    expect(await refusal(1, "serve", "--state", stateDirectory(), "--port", "0")).toBe(
      `state of ${file}: 7 bytes are less than the 10 of an envelope's header`,
    );
    expect(readFileSync(file, "utf8")).toBe("damaged");
    expect(readdirSync(stateDirectory()).sort()).toEqual(LEFT);
  });

  test("a port that is in use, and gives the state up again", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => other.once("listening", resolve));
    const address = other.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    expect(await refusal(1, "serve", "--state", stateDirectory(), "--port", `${port}`)).toBe(
      `port ${port} of 127.0.0.1 is in use: choose another one, or 0 for any that is free`,
    );
    other.close();
    expect(readdirSync(stateDirectory()).sort()).toEqual(LEFT);
  });
});

test("of many processes that want the same state at once at most one gets it", async () => {
  for (let round = 0; round < 2; round++) {
    const contenders = Array.from({ length: 4 }, () => serve("--state", stateDirectory(), "--port", "0"));
    const results = await Promise.allSettled(contenders.map((contender): Promise<Ready> => contender.ready()));
    const winners = results.filter(({ status }) => status === "fulfilled");
    expect(winners.length).toBeLessThanOrEqual(1);
    const ended = await Promise.all(contenders.map((contender) => contender.kill("SIGTERM")));
    for (const { status, stderr } of ended) if (status !== 0) expect(stderr).toMatch(/is in use by another process/);
  }
});

test("vtpm --help teaches, and --version tells", async () => {
  expect((await vtpm("--help").ended).stdout).toMatch(/vtpm serve/);
  const { stdout, status } = await vtpm("serve", "--help").ended;
  expect(status).toBe(0);
  for (const option of ["--port", "--mssim", "--socket", "--host", "--state", "--ephemeral", "--startup", "--json"]) {
    expect(stdout).toContain(`  ${option} `);
  }
  expect((await vtpm("--version").ended).stdout).toMatch(/^vtpm \d+\.\d+\.\d+\n$/);
});

test("starts from the code that the build has compiled, and without it where it is not this V8's", async () => {
  const own = await buildProgram();
  try {
    expect(await new VtpmProcess(own.compiler, []).ended).toMatchObject({ status: 0, stdout: "", stderr: "" });
    const bundle = join(dirname(own.program), "..", "dist", "bundle");
    const compiled = readdirSync(bundle).filter((name) => name.endsWith(".code"));
    expect(compiled).toContain("vtpm.cjs.code");
    expect(compiled).toContain("swtpm.cjs.code");
    const version = async () => (await new VtpmProcess(own.program, ["--version"]).ended).stdout;
    expect(await version()).toMatch(/^vtpm /);
    for (const name of compiled) {
      const path = join(bundle, name);
      writeFileSync(path, readFileSync(path).subarray(0, 1000));
    }
    expect(await version()).toMatch(/^vtpm /);
  } finally {
    own.remove();
  }
});
