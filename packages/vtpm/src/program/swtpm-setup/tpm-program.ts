import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { TpmClient } from "@vtpm/client";
import { StreamTransport } from "@vtpm/client/node";
import type { Bytes } from "@vtpm/wire";
import { ControlClient } from "../../control/control-client.ts";
import { SocketTransport } from "../../control/socket-transport.ts";
import { reasonOf, systemErrorCode } from "../../host-error.ts";
import type { TpmInTheMaking } from "../../manufacture/in-process-tpm.ts";
import { ManufactureError } from "../../manufacture/manufacture-error.ts";
import type { StateLocation } from "../state-location.ts";
import { UsageError } from "../usage-error.ts";
import type { ChosenProfile } from "./profiles.ts";

/** The slowest command makes an RSA-4096 key. */
const COMMAND_MS = 120_000;
const START_MS = 60_000;
const END_MS = 10_000;
const POLL_MS = 5;
/** The descriptors that the program finds its ends of the connections at, and what it is to read. */
const [DATA_FD, CONTROL_FD, KEY_FD, PROFILE_FD] = [3, 4, 5, 6];

/** How a state key reaches another program. */
export interface KeyForProgram {
  readonly content: Bytes;
  /** `fd` for a key, `pwdfd` for a passphrase. */
  readonly option: "fd" | "pwdfd";
  readonly cipher: string;
}

/** Another program that is a swtpm. */
export class TpmProgram {
  readonly #words: readonly [string, ...string[]];
  readonly #features: ReadonlySet<string>;
  readonly #profiles: unknown;

  private constructor(words: readonly [string, ...string[]], { features, profiles }: Capabilities) {
    this.#words = words;
    this.#features = new Set(features.map(String));
    this.#profiles = profiles;
  }

  /** Asks the program what it can do. */
  static async open(commandLine: string): Promise<TpmProgram> {
    const [program, ...rest] = commandLine.split(/\s+/).filter((word) => word !== "");
    if (program === undefined) throw new UsageError('--tpm needs a program, such as "swtpm socket"');
    const words: [string, ...string[]] = [program, ...rest];
    const output = await outputOf(words, ["--tpm2", "--print-capabilities"]);
    const capabilities = parse(output);
    if (capabilities === undefined) {
      throw new ManufactureError(
        "TPM_PROGRAM",
        `${commandLine} --print-capabilities says ${JSON.stringify(output.trim())}, which is not what a swtpm says`,
      );
    }
    if (!capabilities.features.includes("tpm-2.0")) {
      throw new ManufactureError("TPM_PROGRAM", `${commandLine} has no TPM 2.0`);
    }
    return new TpmProgram(words, capabilities);
  }

  /** Whether it tells of profiles, as swtpm does from 0.10 on. */
  get hasProfiles(): boolean {
    return this.#profiles !== undefined;
  }

  get profileNames(): readonly string[] {
    return listIn(this.#profiles, "names").map(String);
  }

  /** The profiles that it has built in. */
  async builtInProfiles(): Promise<readonly unknown[]> {
    if (!this.hasProfiles) return [];
    return listIn(parseJson(await outputOf(this.#words, ["--tpm2", "--print-profiles"])), "AvailableProfiles");
  }

  /** The sizes of RSA keys that it can make. */
  get rsaKeySizes(): readonly number[] {
    const sizes = [...this.#features].map((feature) => /^rsa-keysize-(\d+)$/.exec(feature)?.[1]);
    return sizes.filter((size) => size !== undefined).map(Number);
  }

  /** Starts it on a state, with a TPM that has been started. */
  async start(
    location: StateLocation,
    options: {
      readonly key: KeyForProgram | undefined;
      readonly profile: ChosenProfile | undefined;
      readonly removeDisabled: string | undefined;
      readonly logfile: string | undefined;
    },
  ): Promise<TpmInTheMaking> {
    const { key, profile, removeDisabled, logfile } = options;
    const directory = await mkdtemp(join(tmpdir(), "swtpm_setup.pidfile."));
    const pidFile = join(directory, "pid");
    const uri = location.directory === undefined ? `file://${location.linearFile}` : `dir://${location.directory}`;
    const lock = this.#features.has("tpmstate-opt-lock") ? ",lock" : "";
    const [program, ...words] = this.#words;
    const args = [
      ...["--flags", "not-need-init,startup-clear", "--tpmstate", `backend-uri=${uri}${lock}`],
      ...["--pid", `file=${pidFile}`, "--tpm2"],
      ...(key === undefined ? [] : ["--key", `${key.option}=${KEY_FD},mode=${key.cipher}`]),
      ...(profile === undefined
        ? []
        : ["--profile", `fd=${PROFILE_FD}${removeDisabled === undefined ? "" : `,remove-disabled=${removeDisabled}`}`]),
      ...(logfile === undefined ? [] : ["--log", `file=${logfile}`]),
      ...["--server", `type=tcp,fd=${DATA_FD}`, "--ctrl", `type=unixio,clientfd=${CONTROL_FD}`],
    ];
    const child = spawn(program, [...words, ...args], {
      stdio: ["ignore", "ignore", "pipe", "pipe", "pipe", "pipe", "pipe"],
    });
    const running = new RunningProgram(program, child);
    try {
      running.stream(KEY_FD).end(key?.content ?? "");
      running.stream(PROFILE_FD).end(profile?.json ?? "");
      await running.ready(pidFile);
    } catch (error) {
      running.kill();
      throw error;
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
    const control = new ControlClient(new SocketTransport(running.stream(CONTROL_FD)));
    return {
      client: new TpmClient(new StreamTransport(running.stream(DATA_FD), { timeoutMs: COMMAND_MS })),
      info: (flags) => control.info(flags),
      async finish() {
        await control.plain("SHUTDOWN");
        await running.end();
      },
      async abandon() {
        running.kill();
        await running.end();
      },
    };
  }
}

class RunningProgram {
  readonly #name: string;
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;
  #failure: string | undefined;
  #stderr = "";

  constructor(name: string, child: ChildProcess) {
    this.#name = name;
    this.#child = child;
    child.stderr?.on("data", (text: Buffer) => {
      this.#stderr += text.toString();
    });
    for (const stream of child.stdio) stream?.on("error", () => {}); // what it does not read is its own affair
    this.#ended = new Promise((resolve) => {
      child.once("error", (error) => {
        this.#failure = whyNotRun(error);
        resolve();
      });
      child.once("close", (status, signal) => {
        this.#failure = this.#stderr.trim() || `it ended with ${signal ?? `status ${status}`}`;
        resolve();
      });
    });
  }

  stream(fd: number): Socket {
    const stream = this.#child.stdio[fd];
    if (stream instanceof Socket) return stream;
    throw new RangeError(`descriptor ${fd} is no connection`);
  }

  /** Resolves when its pid file has something in it. */
  async ready(pidFile: string): Promise<void> {
    for (const end = performance.now() + START_MS; performance.now() < end; await wait(POLL_MS)) {
      if (this.#failure !== undefined) throw this.#error(this.#failure);
      const pid = await readFile(pidFile, "latin1").catch(() => "");
      if (pid !== "") return;
    }
    throw this.#error(`it is not ready after ${START_MS / 1000} seconds`);
  }

  kill(): void {
    this.#child.kill("SIGKILL");
  }

  /** Waits for its end, and brings it about where it does not come. */
  async end(): Promise<void> {
    const patience = new AbortController();
    const late = wait(END_MS, undefined, { signal: patience.signal }).then(
      () => this.kill(),
      () => {},
    );
    await Promise.race([this.#ended, late]);
    patience.abort();
    await this.#ended;
    for (const fd of [DATA_FD, CONTROL_FD, KEY_FD, PROFILE_FD]) this.stream(fd).destroy();
  }

  #error(why: string): ManufactureError {
    return new ManufactureError("TPM_PROGRAM", `${this.#name} cannot be started: ${why}`);
  }
}

interface Capabilities {
  readonly features: readonly unknown[];
  readonly profiles: unknown;
}

function parse(text: string): Capabilities | undefined {
  const value = parseJson(text);
  if (typeof value !== "object" || value === null || !("features" in value) || !Array.isArray(value.features)) {
    return undefined;
  }
  return { features: value.features, profiles: "profiles" in value ? value.profiles : undefined };
}

/** The list that a member of an object is; an empty one if it is none. */
function listIn(value: unknown, member: string): readonly unknown[] {
  if (typeof value !== "object" || value === null) return [];
  const list = new Map<string, unknown>(Object.entries(value)).get(member);
  return Array.isArray(list) ? list : [];
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // whoever needs it says what it is not
  }
}

function outputOf([program, ...words]: readonly [string, ...string[]], args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, [...words, ...args], { stdio: ["ignore", "pipe", "ignore"] });
    let output = "";
    child.stdout.on("data", (text: Buffer) => {
      output += text.toString();
    });
    child.once("error", (error) =>
      reject(new ManufactureError("TPM_PROGRAM", `${program} cannot be run: ${whyNotRun(error)}`, { cause: error })),
    );
    child.once("close", () => resolve(output));
  });
}

function whyNotRun(error: unknown): string {
  return systemErrorCode(error) === "ENOENT" ? "there is no such program" : reasonOf(error);
}
