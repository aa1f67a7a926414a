import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RawTpm, u16 } from "./raw-tpm.ts";
import type { ServerProcess, ServerProgram } from "./servers/server.ts";
import { swtpm } from "./servers/swtpm.ts";
import { vtpm } from "./servers/vtpm.ts";

/** The server the scenarios run against: ours, unless the environment names a peer to compare with. */
const { TPM_UNDER_TEST } = process.env;
export const serverUnderTest: ServerProgram = TPM_UNDER_TEST === "swtpm" ? swtpm : vtpm;

/** A TPM with a state directory of its own that outlives the server's process, until `discard`. */
export class TpmServer {
  #directory: string | undefined;
  #process: ServerProcess | undefined;

  get running(): ServerProcess {
    if (this.#process === undefined) throw new Error("the server is not running");
    return this.#process;
  }

  /** Starts the server; `startup` also sends TPM2_Startup(CLEAR). */
  async start({ startup = true }: { readonly startup?: boolean } = {}): Promise<void> {
    this.#directory ??= mkdtempSync(join(tmpdir(), "vtpm-conformance-"));
    this.#process = await serverUnderTest.start(this.#directory);
    if (startup) await this.startup();
  }

  async startup(type: "clear" | "state" = "clear"): Promise<void> {
    const code = await this.with((tpm) => tpm.code(0x144, u16(type === "clear" ? 0 : 1)));
    if (code !== 0) throw new Error(`TPM2_Startup(${type}) answered 0x${code.toString(16)}`);
  }

  /** Uses a connection of its own for a few commands. */
  async with<T>(work: (tpm: RawTpm) => Promise<T>, protocol: "swtpm" | "mssim" = "swtpm"): Promise<T> {
    const tpm = await RawTpm.open(this.running[protocol]);
    try {
      return await work(tpm);
    } finally {
      await tpm.close();
    }
  }

  /** An orderly end: TPM2_Shutdown, then SIGTERM. */
  async stop(type: "clear" | "state" = "clear"): Promise<void> {
    const code = await this.with((tpm) => tpm.code(0x145, u16(type === "clear" ? 0 : 1)));
    if (code !== 0) throw new Error(`TPM2_Shutdown(${type}) answered 0x${code.toString(16)}`);
    await this.#end("SIGTERM");
  }

  /** A power cut. */
  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }

  /** An orderly end and a new start: with "clear" a TPM Reset, with "state" a TPM Resume. */
  async restart(type: "clear" | "state" = "clear"): Promise<void> {
    await this.stop(type);
    await this.start({ startup: false });
    await this.startup(type);
  }

  /** Ends and starts the process only: no TPM2_Shutdown from here and no TPM2_Startup. */
  async restartProcess(): Promise<void> {
    await this.#end("SIGTERM");
    await this.start({ startup: false });
  }

  /** Ends the server however it stands and removes its state. */
  async discard(): Promise<void> {
    if (this.#process !== undefined) await this.#end("SIGTERM");
    if (this.#directory !== undefined) rmSync(this.#directory, { recursive: true, force: true });
  }

  async #end(signal: "SIGTERM" | "SIGKILL"): Promise<void> {
    const process = this.running;
    this.#process = undefined;
    await process.end(signal);
  }
}
