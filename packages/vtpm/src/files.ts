import { randomBytes } from "node:crypto";
import { type FileHandle, open, readFile, rename, rm } from "node:fs/promises";
import { userInfo } from "node:os";
import { basename, dirname, join } from "node:path";
import { HostError, reasonOf, systemErrorCode } from "./host-error.ts";

/** `FILE_READ`, `FILE_WRITE`: what could not be done with a file or directory. */
export type FileErrorCode = "FILE_READ" | "FILE_WRITE";

/** A file or directory cannot be used. */
export class FileError extends HostError {
  override readonly name = "FileError";
  readonly code: FileErrorCode;

  constructor(code: FileErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Reads a file; `what` says what it is for. */
export async function readInput(path: string, what: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new FileError("FILE_READ", `cannot read ${what} ${path}: ${why(error, path)}`, { cause: error });
  }
}

/** Reads a file that need not exist. */
export async function readIfThere(path: string, what: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return undefined;
    throw new FileError("FILE_READ", `cannot read ${what} ${path}: ${why(error, path)}`, { cause: error });
  }
}

/**
 * Puts a file with this content and mode where it shall be: all of it is there, durably, or nothing has changed. `mode` is what
 * the file gets whatever the umask.
 */
export async function putFile(path: string, what: string, content: string | Uint8Array, mode: number): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString("hex")}`);
  try {
    const file = await open(temporary, "wx", 0o600);
    await closing(file, async () => {
      await file.writeFile(content);
      await file.chmod(mode);
      await file.sync();
    });
    await rename(temporary, path);
    await syncDirectory(dirname(path));
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {}); // whatever hinders the one hinders the other
    throw new FileError("FILE_WRITE", `cannot write ${what} ${path}: ${why(error, path)}`, { cause: error });
  }
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, "r");
  await closing(directory, () => directory.sync());
}

async function closing(file: FileHandle, use: () => Promise<void>): Promise<void> {
  try {
    await use();
  } finally {
    await file.close();
  }
}

/** The reason and what can be done about it, with the user where it depends on who asks. */
export function why(error: unknown, path: string): string {
  const reason = reasonOf(error);
  switch (systemErrorCode(error)) {
    case "EACCES":
    case "EPERM":
      return `${reason} for user ${userName()}: give that user access to it and to the directories above it, or run as another user`;
    case "ENOENT":
      return `${reason}: make it, or name another one`;
    case "ENOSPC":
    case "EDQUOT":
      return `${reason}: make room on the file system of ${dirname(path)}`;
    case "ELOOP":
      return `${reason}: name a file that is no symbolic link`;
    case "EROFS":
      return `${reason}: choose a directory that can be written`;
    default:
      return reason;
  }
}

/** Who this process is, by name where the user has one. */
export function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // A user without an entry in the system's list.
    return String(process.geteuid?.() ?? "unknown");
  }
}
