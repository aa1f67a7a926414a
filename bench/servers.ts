import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { peerProgram } from "./swtpm-programs.ts";
import { Connection } from "./tpm/connection.ts";

export type Transport = "unix" | "tcp";

interface Place {
  readonly stateDirectory: string;
  readonly socketPath: string;
  readonly port: number;
}

/** How a server is started. */
export interface ServerKind {
  readonly name: string;
  /** What to run to see whether it is there. */
  readonly probe: readonly string[];
  /** What that prints if it can do what is asked of it. */
  readonly feature?: string;
  commandLine(place: Place, transport: Transport): readonly string[];
}

const vtpmProgram = fileURLToPath(new URL("../../node_modules/.bin/vtpm", import.meta.url));

const kinds: readonly ServerKind[] = [
  {
    name: "vtpm",
    probe: [process.execPath, vtpmProgram, "--version"],
    commandLine: ({ stateDirectory, socketPath, port }, transport) => [
      ...[process.execPath, vtpmProgram, "serve", "--startup", "none", "--state", stateDirectory],
      ...(transport === "unix" ? ["--socket", socketPath] : ["--port", String(port)]),
    ],
  },
  {
    name: "swtpm",
    probe: [peerProgram("swtpm"), "--version"],
    commandLine: swtpmLine(""),
  },
  {
    name: "swtpm-fsync",
    probe: [peerProgram("swtpm"), "socket", "--tpm2", "--print-capabilities"],
    feature: "tpmstate-dir-backend-opt-fsync",
    commandLine: swtpmLine(",backup,fsync"),
  },
];

function swtpmLine(stateOptions: string): ServerKind["commandLine"] {
  return ({ stateDirectory, socketPath, port }, transport) => [
    ...[peerProgram("swtpm"), "socket", "--tpm2", "--flags", "not-need-init"],
    ...["--tpmstate", `dir=${stateDirectory}${stateOptions}`],
    ...(transport === "unix"
      ? ["--server", `type=unixio,path=${socketPath}`, "--ctrl", `type=unixio,path=${socketPath}.ctrl`]
      : ["--server", `type=tcp,port=${port}`, "--ctrl", `type=tcp,port=${port + 1}`]),
  ];
}

export function serverKind(name: string): ServerKind | undefined {
  return kinds.find((kind) => kind.name === name);
}

/** Why a server cannot be had here; nothing if it can. */
export function whyMissing({ name, probe, feature }: ServerKind): string | undefined {
  const [program = "", ...args] = probe;
  const { status, stdout } = spawnSync(program, args, { encoding: "utf8" });
  if (status !== 0) return `${name} is not installed here`;
  return feature === undefined || stdout.includes(feature) ? undefined : `the swtpm installed here has no ${feature}`;
}

export interface Memory {
  readonly rssKiB: number;
  readonly pssKiB: number;
}

/** A server of one kind, with its own state, running. */
export class Server {
  readonly name: string;
  readonly #child: ChildProcess;
  readonly #directory: string;
  readonly connection: Connection;
  readonly #exited: Promise<unknown>;

  private constructor(
    name: string,
    child: ChildProcess,
    directory: string,
    connection: Connection,
    exited: Promise<unknown>,
  ) {
    this.name = name;
    this.#child = child;
    this.#directory = directory;
    this.connection = connection;
    this.#exited = exited;
  }

  /** Starts the process on `core` (if one is given) and resolves when it has accepted a connection. */
  static async start(
    kind: ServerKind,
    transport: Transport,
    parentDirectory: string,
    core: number | undefined,
  ): Promise<Server> {
    const directory = mkdtempSync(join(parentDirectory, "vtpm-bench-"));
    const place = {
      stateDirectory: directory,
      socketPath: join(directory, "tpm.sock"),
      port: transport === "tcp" ? await freePortPair() : 0,
    };
    const line = [
      ...(core === undefined ? [] : ["taskset", "-c", String(core)]),
      ...kind.commandLine(place, transport),
    ];
    const { NODE_EXTRA_CA_CERTS: _, ...env } = process.env;
    const child = spawn(line[0] ?? "", line.slice(1), { env, stdio: ["ignore", "ignore", "pipe"] });
    let log = "";
    child.stderr.on("data", (text) => {
      log += String(text);
    });
    const exited = once(child, "exit");
    const address = transport === "unix" ? { path: place.socketPath } : { port: place.port, host: "127.0.0.1" };
    for (;;) {
      const connection = await Connection.open(address).catch(() => undefined);
      if (connection !== undefined) return new Server(kind.name, child, directory, connection, exited);
      if (child.exitCode !== null) throw new Error(`${kind.name} did not start:\n${log}`);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }

  get #pid(): number {
    return this.#child.pid ?? 0;
  }

  /** CPU time of all its threads so far, in microseconds. */
  cpuMicroseconds(): number {
    let nanoseconds = 0;
    for (const thread of readdirSync(`/proc/${this.#pid}/task`)) {
      const [onCpu = "0"] = readFileSync(`/proc/${this.#pid}/task/${thread}/schedstat`, "latin1").split(" ");
      nanoseconds += Number(onCpu);
    }
    return nanoseconds / 1000;
  }

  memory(): Memory {
    const rollup = readFileSync(`/proc/${this.#pid}/smaps_rollup`, "latin1");
    const kibibytes = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(rollup)?.[1]);
    return { rssKiB: kibibytes("Rss"), pssKiB: kibibytes("Pss") };
  }

  async stop(): Promise<void> {
    this.connection.close();
    // Its state is thrown away; and swtpm 0.11.0 now and then spins for ever when it is to end.
    this.#child.kill("SIGKILL");
    await this.#exited;
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

/** Two neighbouring ports that were free a moment ago. */
async function freePortPair(): Promise<number> {
  for (;;) {
    const first = createServer().listen(0, "127.0.0.1");
    await once(first, "listening");
    const address = first.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const second = createServer().listen(port + 1, "127.0.0.1");
    const free = await once(second, "listening").then(
      () => true,
      () => false,
    );
    first.close();
    second.close();
    if (free) return port;
  }
}
