import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { peerProgram } from "../../bench/swtpm-programs.ts";
import { serveMssim } from "./mssim-shim.ts";
import type { ServerProcess, ServerProgram } from "./server.ts";

/**
 * Debian's swtpm, for scenarios under development and for comparison. It has no simulator protocol of its own, so a
 * shim in this process offers it.
 */
export const swtpm: ServerProgram = { name: "swtpm", start: (state) => startSwtpm(state) };

/** Starts it, with further flags if there are any. */
export async function startSwtpm(state: string, flags: readonly string[] = []): Promise<ServerProcess> {
  for (let attempt = 0; ; attempt++) {
    const port = await freePortPair();
    const child = spawn(
      peerProgram("swtpm"),
      [
        ["socket", "--tpm2", "--flags", ["not-need-init", ...flags].join(), "--tpmstate", placeOf(state)],
        ["--server", `type=tcp,port=${port}`, "--ctrl", `type=tcp,port=${port + 1}`],
      ].flat(),
      { stdio: ["ignore", "ignore", "pipe"] },
    );
    let log = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      log += text;
    });
    const exited = once(child, "exit");
    if (
      !(await accepts(
        () => connect(port, "127.0.0.1"),
        () => child.exitCode === null,
      ))
    ) {
      if (attempt < 5) continue;
      throw new Error(`swtpm did not start:\n${log}`);
    }
    const shim = await serveMssim(port);
    return {
      pid: child.pid ?? 0,
      swtpm: { framing: "raw", port },
      mssim: { framing: "mssim", port: shim.port },
      log: () => log,
      async end(signal) {
        shim.close();
        child.kill(signal);
        await exited;
      },
    };
  }
}

const placeOf = (state: string): string => (state.startsWith("file://") ? `backend-uri=${state}` : `dir=${state}`);

/** Tries until a connection is accepted; false when the process is gone. */
export async function accepts(connected: () => Socket, alive: () => boolean): Promise<boolean> {
  while (alive()) {
    const socket = connected();
    const accepted = await new Promise<boolean>((resolve) => {
      socket.once("connect", () => resolve(true));
      socket.once("error", () => resolve(false));
    });
    socket.destroy();
    if (accepted) return true;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return false;
}

/** Two neighbouring ports that were free a moment ago. */
export async function freePortPair(): Promise<number> {
  for (;;) {
    const first = await listen(0);
    const address = first.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const second = await listen(port + 1).catch(() => undefined);
    first.close();
    second?.close();
    if (second !== undefined) return port;
  }
}

async function listen(port: number): Promise<Server> {
  const server = createServer();
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return server;
}
