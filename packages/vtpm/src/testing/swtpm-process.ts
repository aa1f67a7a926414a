import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import type { Ended } from "./vtpm-process.ts";
import { WireClient } from "./wire-client.ts";

export interface SwtpmProcessOptions {
  /** Descriptors that it gets as 3, 4 and so on; this process keeps them, too. */
  readonly descriptors?: readonly number[];
  readonly environment?: NodeJS.ProcessEnv;
}

/** The program that takes swtpm's place in a process of its own. */
export class SwtpmProcess {
  readonly #child: ChildProcess;
  readonly ended: Promise<Ended>;
  #running = true;

  constructor(
    program: string,
    args: readonly string[],
    { descriptors = [], environment = {} }: SwtpmProcessOptions = {},
  ) {
    const child = spawn(process.execPath, [program, ...args], {
      stdio: ["ignore", "pipe", "pipe", ...descriptors],
      env: { ...process.env, ...environment },
    });
    this.#child = child;
    let stdout = "";
    let stderr = "";
    child.stdout?.on("data", (text: Buffer) => {
      stdout += text.toString();
    });
    child.stderr?.on("data", (text: Buffer) => {
      stderr += text.toString();
    });
    this.ended = once(child, "close").then(() => {
      this.#running = false;
      return { status: child.exitCode, signal: child.signalCode, stdout, stderr };
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  kill(signal: NodeJS.Signals): Promise<Ended> {
    this.#child.kill(signal);
    return this.ended;
  }

  /** A connection to a socket that it is about to open. */
  connect(address: number | string): Promise<WireClient> {
    return this.#awaited(() => WireClient.open(address));
  }

  /** Resolves when a condition holds; rejects when the process has ended before. */
  until(condition: () => boolean): Promise<void> {
    return this.#awaited(async () => {
      if (!condition()) throw new Error("not yet");
    });
  }

  async #awaited<T>(attempt: () => Promise<T>): Promise<T> {
    while (this.#running) {
      try {
        return await attempt();
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    }
    throw new Error(`swtpm ended: ${(await this.ended).stderr}`);
  }
}
