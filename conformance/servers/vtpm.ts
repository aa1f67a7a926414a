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
  readonly port: number;
  readonly mssim: number;
}

function portsOf(line: string): Ready {
  const ready: unknown = JSON.parse(line);
  if (typeof ready !== "object" || ready === null || !("port" in ready) || !("mssim" in ready))
    throw new Error(`the server's line of readiness names no ports: ${line}`);
  return { port: Number(ready.port), mssim: Number(ready.mssim) };
}

export const vtpm: ServerProgram = {
  name: "vtpm",
  async start(state: string): Promise<ServerProcess> {
    const child = spawn(process.execPath, commandLine(state), { stdio: ["ignore", "pipe", "pipe"] });
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
    const ports = portsOf(line);
    return {
      pid: child.pid ?? 0,
      swtpm: { framing: "raw", port: ports.port },
      mssim: { framing: "mssim", port: ports.mssim },
      log: () => log,
      async end(signal) {
        child.kill(signal);
        await exited;
      },
    };
  },
};
