import { spawn } from "node:child_process";
import { once } from "node:events";
import { lockFile } from "./cache.ts";

/**
 * Runs one rig at a time on this machine, whichever process it belongs to: emulated machines take all there is, and two at once
 * miss each other's time limits. Two machines that belong together run in one call.
 */
export async function withRigLock<T>(action: () => Promise<T>): Promise<T> {
  // It says so when it has the lock, and keeps it until its standard input ends: at the latest when this process does.
  const holder = spawn("flock", [lockFile("rig.lock"), "sh", "-c", "echo; exec cat"], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const ended = once(holder, "exit");
  try {
    await Promise.race([
      once(holder.stdout, "data"),
      ended.then(() => {
        throw new Error("the lock of the rigs cannot be taken");
      }),
    ]);
    return await action();
  } finally {
    holder.stdin.end();
    await ended;
  }
}
