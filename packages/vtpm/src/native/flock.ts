import { type FileHandle, open } from "node:fs/promises";
import { setTimeout as wait } from "node:timers/promises";
import { systemErrorCode } from "../host-error.ts";
import { libcFunction } from "./libc.ts";

const flock = libcFunction("int flock(int fd, int operation)");

/** @spec flock(2) */
const LOCK_EX = 2;
const LOCK_NB = 4;
const RETRY_MS = 10;

/** A lock that whoever asks for the same file waits for; the system gives it up when its process ends. */
export interface FileLock {
  release(): Promise<void>;
}

/**
 * Locks a file as flock(2) does, making it if need be, and waits while others have it; `undefined` if they still have it
 * after `patienceMs`.
 */
export async function lockFile(path: string, mode: number, patienceMs: number): Promise<FileLock | undefined> {
  const file = await open(path, "a", mode);
  try {
    for (const end = performance.now() + patienceMs; ; await wait(RETRY_MS)) {
      if (tryLock(file)) return { release: () => file.close() };
      if (performance.now() > end) break;
    }
  } catch (error) {
    await file.close();
    throw error;
  }
  await file.close();
  return undefined;
}

function tryLock({ fd }: FileHandle): boolean {
  try {
    flock(fd, LOCK_EX | LOCK_NB);
    return true;
  } catch (error) {
    if (systemErrorCode(error) === "EAGAIN" || systemErrorCode(error) === "EWOULDBLOCK") return false;
    throw error;
  }
}
