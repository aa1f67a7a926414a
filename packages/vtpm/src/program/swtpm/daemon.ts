import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, writeSync } from "node:fs";
import type { Readable } from "node:stream";

/** Names the descriptor on which a process that goes on in the background reports to the one that started it. */
const REPORT = "VTPM_REPORT_FD";
/** Ends the messages: the background process serves. What follows is for standard output. */
const READY = 0;
const FIRST_FREE = 3;

/** What a background process has of the one that started it. */
export interface Launcher {
  /** Where messages go until `ready`. */
  readonly fd: number;
  /** Lets it go, with what it is to print on standard output. */
  ready(announcement: string): void;
}

/** The launcher, in a process that was started to go on in the background. */
export function launcher(): Launcher | undefined {
  const text = process.env[REPORT];
  if (text === undefined) return undefined;
  delete process.env[REPORT];
  const fd = Number(text);
  return {
    fd,
    ready(announcement) {
      try {
        writeSync(fd, Buffer.concat([Uint8Array.of(READY), Buffer.from(announcement)]));
      } catch {
        // The launcher was killed: there is nobody to be told.
      }
      closeSync(fd);
    },
  };
}

/**
 * Starts this program again, in a session of its own and with the same descriptors, and waits until it serves. Resolves
 * with its exit status, or does not return when it ends by a signal: this process ends alike.
 */
export async function launch(descriptors: readonly number[]): Promise<number> {
  const report = Math.max(FIRST_FREE - 1, ...descriptors) + 1;
  const stdio: ("inherit" | "ignore" | "pipe" | number)[] = ["inherit", "ignore", "ignore"];
  for (let fd = FIRST_FREE; fd < report; fd++) stdio.push(descriptors.includes(fd) ? fd : "ignore");
  stdio.push("pipe");
  const child = spawn(process.execPath, [...process.execArgv, ...process.argv.slice(1)], {
    stdio,
    detached: true,
    env: { ...process.env, [REPORT]: `${report}` },
  });
  const ended = once(child, "exit");
  const reports = child.stdio[report] as Readable; // a pipe, as asked for
  if (await served(reports)) {
    child.unref();
    return 0;
  }
  await ended;
  if (child.signalCode !== null) process.kill(process.pid, child.signalCode);
  return child.exitCode ?? 1;
}

/** Passes on what is reported; tells whether readiness was. */
async function served(reports: Readable): Promise<boolean> {
  let ready = false;
  for await (const chunk of reports) {
    const bytes: Buffer = chunk;
    const end = ready ? 0 : bytes.indexOf(READY);
    process.stderr.write(end < 0 ? bytes : bytes.subarray(0, end));
    if (end < 0) continue;
    process.stdout.write(bytes.subarray(ready ? 0 : end + 1));
    ready = true;
  }
  return ready;
}
