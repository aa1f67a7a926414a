import type { TpmAddress } from "../raw-tpm.ts";

/** A TPM server somebody may start: ours or a peer. */
export interface ServerProgram {
  readonly name: string;
  /** Starts it on free ports, powered on, with its state in a directory, or in `file://PATH`; resolves when it answers. */
  start(state: string): Promise<ServerProcess>;
}

export interface ServerProcess {
  readonly pid: number;
  /** swtpm's protocol: raw commands here, the control channel on the next port. */
  readonly swtpm: TpmAddress;
  /** The TCG simulator's protocol: framed commands here, the platform port on the next. */
  readonly mssim: TpmAddress;
  /** What it wrote to standard error so far. */
  log(): string;
  /** Sends a signal and resolves when the process is gone. */
  end(signal: "SIGTERM" | "SIGKILL"): Promise<void>;
}
