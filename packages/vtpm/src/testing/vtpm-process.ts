import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

/** The line of `--json`. */
export interface Ready {
  readonly version: string;
  readonly pid: number;
  readonly state?: string;
  readonly port: number;
  readonly control: number;
  readonly mssim: number;
  readonly platform: number;
  readonly socket: string;
  readonly tcti: readonly string[];
}

export interface Ended {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The program in a process of its own. */
export class VtpmProcess {
  readonly #child: ChildProcess;
  readonly ended: Promise<Ended>;
  readonly #firstLine: Promise<string>;

  constructor(program: string, args: readonly string[], environment: NodeJS.ProcessEnv = process.env) {
    const child = spawn(process.execPath, [program, ...args], {
      stdio: ["ignore", "pipe", "pipe"],
      env: environment,
    });
    this.#child = child;
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (text: Buffer) => {
      stdout += text.toString();
    });
    child.stderr.on("data", (text: Buffer) => {
      stderr += text.toString();
    });
    this.#firstLine = once(createInterface(child.stdout), "line").then(([line]) => String(line));
    this.ended = once(child, "close").then(() => ({
      status: child.exitCode,
      signal: child.signalCode,
      stdout,
      stderr,
    }));
  }

  /** The first line of its output; rejects when it ends without one. */
  line(): Promise<string> {
    const ended = this.ended.then(({ stderr }) => {
      throw new Error(`vtpm ended before it said anything: ${stderr}`);
    });
    return Promise.race([this.#firstLine, ended]);
  }

  /** What `--json` says. */
  async ready(): Promise<Ready> {
    return JSON.parse(await this.line()) as Ready;
  }

  kill(signal: NodeJS.Signals): Promise<Ended> {
    this.#child.kill(signal);
    return this.ended;
  }
}
