import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { reasonOf, systemErrorCode } from "../host-error.ts";
import { NativeError } from "../native/native-error.ts";
import { lockRecord } from "../native/record-lock.ts";
import { claimDirectory } from "./socket-lock.ts";
import { StoreError } from "./store-error.ts";

/** swtpm's name for it; a lock is recognized by an open descriptor whose name ends like this. */
const LOCK_FILE = ".lock";
const LOCK_FILE_MODE = 0o660;
/** Milliseconds between two attempts. */
export const RETRY_MS = 10;

/** A directory of which this process is the only owner. */
export interface DirectoryLock {
  release(): Promise<void>;
}

export interface LockOptions {
  /** How many times a lock that is held by another is tried again, every 10 ms. */
  readonly retries?: number | undefined;
  /** Told in one line of a lock that holds less than it should. */
  readonly onWarning?: ((text: string) => void) | undefined;
}

/**
 * Makes this process the only owner of a directory by the record lock that swtpm takes. Rejects with `STATE_LOCKED` if
 * another one owns it.
 */
export async function lockDirectory(path: string, options: LockOptions = {}): Promise<DirectoryLock> {
  for (let retries = options.retries ?? 0; ; retries--) {
    const lock = await attempt(path, options);
    if (lock !== undefined) return lock;
    if (retries <= 0) break;
    await wait(RETRY_MS);
  }
  throw new StoreError("STATE_LOCKED", `${path} is in use by another process: stop it, or choose another directory`);
}

async function attempt(path: string, { onWarning }: LockOptions): Promise<DirectoryLock | undefined> {
  const file = await openLockFile(path);
  try {
    if (lockRecord(file.fd)) return { release: () => file.close() };
  } catch (error) {
    await file.close();
    if (!(error instanceof NativeError)) throw cannotLock(path, error);
    onWarning?.(`${path} is locked against other processes of vtpm, but not against swtpm: ${error.message}`);
    return claimDirectory(path);
  }
  await file.close();
  return undefined;
}

async function openLockFile(path: string): Promise<FileHandle> {
  const flags = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  try {
    return await open(join(path, LOCK_FILE), flags, LOCK_FILE_MODE);
  } catch (error) {
    throw cannotLock(path, error);
  }
}

function cannotLock(path: string, error: unknown): StoreError {
  const reason = systemErrorCode(error) === "ELOOP" ? `${LOCK_FILE} is a symbolic link` : reasonOf(error);
  return new StoreError("STATE_DIRECTORY", `cannot lock ${path}: ${reason}`, { cause: error });
}
