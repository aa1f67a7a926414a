import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { ServerProcess, ServerProgram } from "./server.ts";

/** The one place that knows our server's command line and its line of readiness. */
const program = fileURLToPath(new URL("../../node_modules/.bin/vtpm", import.meta.url));
const commandLine = (state: string) => [
  program,
  "serve",
  "--state",
  state,
  "--port",
  "0",
  "--mssim",
  "0",
  "--startup",
  "none",
  "--json",
];

interface Ready {
  readonly pid: number;
  readonly port: number;
  readonly mssim: number;
}

function readyOf(line: string): Ready {
  const ready: unknown = JSON.parse(line);
  if (typeof ready !== "object" || ready === null || !("port" in ready) || !("mssim" in ready) || !("pid" in ready))
    throw new Error(`the server's line of readiness names no ports or no process: ${line}`);
  return { pid: Number(ready.pid), port: Number(ready.port), mssim: Number(ready.mssim) };
}

/** Starts the program, under another one if `wrapper` names that and its arguments. */
export async function startVtpm(state: string, wrapper: readonly string[] = []): Promise<ServerProcess> {
  const [file = process.execPath, ...args] = [...wrapper, process.execPath, ...commandLine(state)];
  const child = spawn(file, args, { stdio: ["ignore", "pipe", "pipe"] });
  let log = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    log += text;
  });
  const exited = once(child, "exit");
  const firstLine = once(createInterface(child.stdout), "line");
  const ended = exited.then(([code, signal]) => {
    throw new Error(`the server ended before it was ready (${code ?? signal}):\n${log}`);
  });
  const [line] = (await Promise.race([firstLine, ended])) as [string];
  ended.catch(() => {
    // After readiness the end of the server is what the scenario asked for.
  });
  const { pid, port, mssim } = readyOf(line);
  return {
    pid,
    swtpm: { framing: "raw", port },
    mssim: { framing: "mssim", port: mssim },
    log: () => log,
    async end(signal) {
      try {
        process.kill(pid, signal);
      } catch (error) {
        // It may be what a crash test waits for that it is gone already.
        if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
      }
      await exited;
    },
  };
}

export const vtpm: ServerProgram = { name: "vtpm", start: (state) => startVtpm(state) };
