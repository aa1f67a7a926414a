import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { peerProgram } from "../../bench/swtpm-programs.ts";
import { debiansSwtpm, ourSwtpm, type SwtpmProgram } from "../servers/swtpm-program.ts";
import type { Transport } from "./swtpm-process.ts";

/** The programs beside swtpm, ours or Debian's: the words a command line begins with. */
export interface Tools {
  readonly name: string;
  readonly ioctl: readonly string[];
  readonly bios: readonly string[];
}

const bin = fileURLToPath(new URL("../../packages/vtpm/bin/", import.meta.url));

export const ours: Tools = {
  name: "our tools",
  ioctl: [process.execPath, `${bin}swtpm_ioctl.cjs`],
  bios: [process.execPath, `${bin}swtpm_bios.cjs`],
};
/** By their paths: npm puts ours first in PATH. */
export const debians: Tools = {
  name: "Debian's tools",
  ioctl: [peerProgram("swtpm_ioctl")],
  bios: [peerProgram("swtpm_bios")],
};

/**
 * Who is tried with whom, and by what: Debian's tools with Debian's swtpm would say nothing of this project, and a request is
 * the same bytes on each transport.
 */
export const CONVERSATIONS: readonly (readonly [Tools, SwtpmProgram, Transport])[] = [
  [ours, debiansSwtpm, "tcp"],
  [debians, ourSwtpm, "unix"],
  [ours, ourSwtpm, "tcp"],
  [ours, ourSwtpm, "unix"],
];

export interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly input?: Uint8Array;
  readonly environment?: Readonly<Record<string, string>>;
}

/** Runs a program to its end. */
export async function run(command: readonly string[], options: RunOptions = {}): Promise<Ended> {
  const [program = "", ...args] = command;
  const child = spawn(program, args, { env: { ...process.env, ...options.environment } });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  child.stdin.on("error", () => {}); // it did not read
  child.stdin.end(options.input);
  await once(child, "close");
  return { status: child.exitCode, stdout, stderr };
}
