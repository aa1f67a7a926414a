import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { accepts, freePortPair } from "../servers/swtpm.ts";
import type { SwtpmProgram } from "../servers/swtpm-program.ts";

export type Transport = "tcp" | "unix";

/** swtpm's command line, as everybody writes it, with a state directory of its own. */
export class SwtpmProcess {
  readonly directory: string;
  readonly #transport: Transport;
  readonly #child: ChildProcess;
  readonly #port: number;
  readonly #exited: Promise<unknown>;
  #log = "";

  private constructor(program: SwtpmProgram, transport: Transport, port: number, args: readonly string[]) {
    this.directory = mkdtempSync(join(tmpdir(), "vtpm-swtpm-tools-"));
    this.#transport = transport;
    this.#port = port;
    const [executable = "", ...words] = program.command;
    const sockets = [
      ["--server", this.#socket("server", port)],
      ["--ctrl", this.#socket("ctrl", port + 1)],
    ].flat();
    this.#child = spawn(executable, [...words, "socket", "--tpmstate", `dir=${this.directory}`, ...sockets, ...args], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    this.#child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#log += text;
    });
    this.#exited = once(this.#child, "exit");
  }

  /** Starts it; resolves when it accepts connections. */
  static async start(program: SwtpmProgram, transport: Transport, ...args: readonly string[]): Promise<SwtpmProcess> {
    for (let attempt = 0; ; attempt++) {
      const started = new SwtpmProcess(program, transport, await freePortPair(), args);
      if (
        await accepts(
          () => started.#connect(),
          () => started.#child.exitCode === null,
        )
      )
        return started;
      await started.end();
      // Somebody else may have taken the port.
      if (attempt === 3) throw new Error(`${program.name} did not start:\n${started.#log}`);
    }
  }

  /** The options by which a tool finds the control channel. */
  get control(): readonly string[] {
    return this.#transport === "tcp" ? ["--tcp", `:${this.#port + 1}`] : ["--unix", join(this.directory, "ctrl")];
  }

  /** The options by which a tool finds the TPM. */
  get data(): readonly string[] {
    return this.#transport === "tcp"
      ? ["--tcp", `127.0.0.1:${this.#port}`]
      : ["--unix", join(this.directory, "server")];
  }

  /** Sends one command over a connection of its own. */
  async execute(command: Uint8Array): Promise<Buffer> {
    const socket = this.#connect();
    try {
      socket.write(command);
      let response = Buffer.alloc(0);
      while (response.length < 10 || response.length < response.readUInt32BE(2)) {
        const [chunk] = (await once(socket, "data")) as [Buffer];
        response = Buffer.concat([response, chunk]);
      }
      return response;
    } finally {
      socket.destroy();
    }
  }

  /** Resolves with its exit status when it ends by itself. */
  async ended(): Promise<number | null> {
    await this.#exited;
    return this.#child.exitCode;
  }

  async end(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      this.#child.kill("SIGTERM");
      await this.#exited;
    }
    rmSync(this.directory, { recursive: true, force: true });
  }

  #socket(name: "server" | "ctrl", port: number): string {
    return this.#transport === "tcp" ? `type=tcp,port=${port}` : `type=unixio,path=${join(this.directory, name)}`;
  }

  #connect(): Socket {
    return this.#transport === "tcp" ? connect(this.#port, "127.0.0.1") : connect(join(this.directory, "server"));
  }
}
