import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { appendFileSync } from "node:fs";

/** A file to watch the consoles of machines in while they run. */
const { RIG_CONSOLE } = process.env;

export interface MachineOptions {
  /** Arguments of QEMU beside those that every machine has. */
  readonly args: readonly string[];
  readonly cpu?: string;
  /** MiB. */
  readonly memory?: number;
  /** After this the machine is ended; several times what it takes on a quiet processor. */
  readonly timeoutMs: number;
}

/** A machine in software emulation whose serial console is recorded. */
export class Machine {
  readonly #process: ChildProcess;
  readonly #timer: NodeJS.Timeout;
  readonly #waiting = new Set<() => void>();
  #console = "";
  #timedOut = false;
  #exited = false;
  /** Resolves when it has been switched off or ended. */
  readonly ended: Promise<void>;

  constructor({ args, cpu = "max", memory = 1024, timeoutMs }: MachineOptions) {
    const fixed = ["-accel", "tcg", "-nodefaults", "-display", "none", "-no-reboot", "-serial", "stdio"];
    const qemu = ["qemu-system-x86_64", ...fixed, "-cpu", cpu, "-m", String(memory), ...args];
    // It ends with this process, however that ends: nobody would be left to watch its time.
    this.#process = spawn("setpriv", ["--pdeathsig", "KILL", ...qemu], { stdio: ["ignore", "pipe", "pipe"] });
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => {
        this.#console += text.replaceAll("\r", "");
        if (RIG_CONSOLE !== undefined) appendFileSync(RIG_CONSOLE, text);
        for (const look of this.#waiting) look();
      });
    }
    this.#timer = setTimeout(() => {
      this.#timedOut = true;
      this.#process.kill("SIGKILL");
    }, timeoutMs);
    this.ended = once(this.#process, "exit").then(() => {
      this.#exited = true;
      clearTimeout(this.#timer);
      for (const look of this.#waiting) look();
    });
  }

  /** What has been written to the console so far. */
  get console(): string {
    return this.#console;
  }

  /** Whether its time was over before it ended. */
  get timedOut(): boolean {
    return this.#timedOut;
  }

  get isOn(): boolean {
    return !this.#exited;
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  /** Resolves when the console says something; rejects if the machine ends before that. */
  says(pattern: RegExp): Promise<RegExpExecArray> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const match = pattern.exec(this.#console);
        if (match === null && !this.#exited) return;
        this.#waiting.delete(look);
        if (match !== null) resolve(match);
        else
          reject(
            new Error(`the machine ended ${this.#timedOut ? "by time-out " : ""}without ${pattern}:\n${this.#console}`),
          );
      };
      this.#waiting.add(look);
      look();
    });
  }

  /** Ends it at once. */
  async kill(): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.ended;
  }
}
