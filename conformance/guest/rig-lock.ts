import { spawn } from "node:child_process";
import { once } from "node:events";
import { availableParallelism } from "node:os";
import { lockFile } from "./cache.ts";

/** An emulated machine keeps one processor busy; more machines than processors miss their time limits. */
const SEATS = Array.from({ length: availableParallelism() }, (_, i) => lockFile(`rig-${i}.lock`));

/** Takes a lock that is free, or waits for the last one; 9 is what flock then says of those that are not. */
const TAKE_SEAT = `for seat; do shift; flock \${1:+-n} -E 9 "$seat" sh -c 'echo; exec cat'; [ $? = 9 ] || exit 0; done`;

/**
 * Runs as many rigs at a time as this machine has processors, whichever process they belong to. Two machines of which one waits
 * for the other run in one call.
 */
export async function withRigLock<T>(action: () => Promise<T>): Promise<T> {
  // It says so when it has the lock, and keeps it until its standard input ends: at the latest when this process does.
  const holder = spawn("sh", ["-c", TAKE_SEAT, "sh", ...SEATS], {
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
