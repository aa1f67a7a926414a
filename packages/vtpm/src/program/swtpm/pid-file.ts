import { closeSync, constants, fstatSync, ftruncateSync, openSync, readlinkSync, rmSync, writeSync } from "node:fs";
import { systemReason } from "../../host-error.ts";
import type { SubOptions } from "../sub-options.ts";
import { OpenError } from "./log.ts";
import type { SUB_OPTIONS } from "./option-table.ts";

/** Writes the process id as `--pid` says; returns how the file is removed. Throws an `OpenError`. */
export function writePidFile({ file, fd }: SubOptions<typeof SUB_OPTIONS.pid>): () => void {
  try {
    const opened = file === undefined ? regularFile(fd ?? -1) : openPidFile(file);
    const path = file ?? readlinkSync(`/proc/self/fd/${opened}`);
    ftruncateSync(opened);
    writeSync(opened, `${process.pid}`, 0);
    closeSync(opened);
    return () => {
      try {
        rmSync(path, { force: true });
      } catch {
        // It was written before --runas took the right to remove it.
      }
    };
  } catch (error) {
    const complaint = file === undefined ? `Bad filedescriptor ${fd} for pid file` : `Could not open pidfile ${file} `;
    throw new OpenError(`${complaint}: ${systemReason(error)}`, { cause: error });
  }
}

function openPidFile(file: string): number {
  const { O_WRONLY, O_CREAT, O_TRUNC, O_NOFOLLOW } = constants;
  return openSync(file, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0o644);
}

function regularFile(fd: number): number {
  if (!fstatSync(fd).isFile()) throw new Error("it is not a regular file");
  return fd;
}
