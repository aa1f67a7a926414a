import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { SwtpmProgram } from "../servers/swtpm-program.ts";

/** A TPM for one QEMU process, started as libvirt starts swtpm. It ends with its client. */
export class TpmForQemu {
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;
  readonly #socket: string;
  readonly #log: string;
  #errors = "";

  private constructor(program: SwtpmProgram, directory: string, options: readonly string[]) {
    this.#socket = join(directory, "ctrl.sock");
    this.#log = join(directory, "log");
    const state = join(directory, "state");
    mkdirSync(state, { recursive: true });
    const [executable = "", ...words] = program.command;
    this.#child = spawn(
      executable,
      [
        ...[...words, "socket", "--ctrl", `type=unixio,path=${this.#socket},mode=0600`],
        ...["--tpmstate", `dir=${state},mode=0600`, "--log", `file=${this.#log}`, "--terminate", "--tpm2"],
        ...options,
      ],
      { stdio: ["ignore", "ignore", "pipe"] },
    );
    this.#child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#errors += text;
    });
    this.#exited = once(this.#child, "exit");
  }

  /** Starts it with its state, socket and log in `directory`; resolves when QEMU can connect. */
  static async start(program: SwtpmProgram, directory: string, ...options: readonly string[]): Promise<TpmForQemu> {
    const tpm = new TpmForQemu(program, directory, options);
    while (!existsSync(tpm.#socket)) {
      if (tpm.#child.exitCode !== null) throw new Error(`${program.name} did not start:\n${tpm.log}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    return tpm;
  }

  /** QEMU's arguments for it. */
  args(device: "tpm-tis" | "tpm-crb"): string[] {
    return [
      ...["-chardev", `socket,id=tpm-socket,path=${this.#socket}`],
      ...["-tpmdev", "emulator,id=tpm,chardev=tpm-socket", "-device", `${device},tpmdev=tpm`],
    ];
  }

  /** What it wrote so far. */
  get log(): string {
    return this.#errors + (existsSync(this.#log) ? readFileSync(this.#log, "utf8") : "");
  }

  /** Resolves with its exit status when it has ended by itself. */
  async ended(): Promise<number | null> {
    await this.#exited;
    return this.#child.exitCode;
  }

  /** Ends it if it still runs. */
  async end(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) this.#child.kill("SIGKILL");
    await this.#exited;
  }
}
