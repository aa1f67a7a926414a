import { constants } from "node:fs";
import { type FileHandle, mkdir, open, readdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Bytes } from "@vtpm/wire";
import { reasonOf, systemErrorCode } from "../host-error.ts";
import type { Directory, DirectoryFile } from "./directory.ts";
import { grantMode, NodeFile, reading, writing } from "./node-file.ts";
import { StoreError } from "./store-error.ts";

/** Larger than any state file or journal: bytes. */
const MAX_FILE_SIZE = 0x1000_0000;

export interface NodeDirectoryOptions {
  /**
   * Whether urgent waiting for the disk is done in the main thread. It saves two switches of threads, a fifth of the time of
   * a write to a fast disk, but everything else in the process waits too: for a process with one TPM.
   */
  readonly mayBlock?: boolean | undefined;
  /** Whether the directory is made, for its owner alone, where there is none; it is unless told otherwise. */
  readonly create?: boolean | undefined;
  /** Access rights of new files, from which the process' umask takes; for the owner alone unless given. */
  readonly mode?: number | undefined;
  /** Access rights that files have whatever the umask, those that are there and read, too. */
  readonly exactMode?: number | undefined;
}

/** Opens a directory of the local file system. */
export async function openNodeDirectory(path: string, options: NodeDirectoryOptions = {}): Promise<Directory> {
  try {
    if (options.create !== false) await makeDirectory(path);
    const handle = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
    return new NodeDirectory(path, handle, options);
  } catch (error) {
    throw new StoreError("STATE_DIRECTORY", `cannot use ${path} as state directory: ${reasonOf(error)}`, {
      cause: error,
    });
  }
}

/** Makes a directory and those above it. Node's own `recursive` never returns where the parent takes no names, as in /proc. */
async function makeDirectory(path: string): Promise<void> {
  const make = (): Promise<void> => mkdir(path, { mode: 0o700 });
  try {
    await make();
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === "EEXIST") return;
    if (code !== "ENOENT" || dirname(path) === path) throw error;
    await makeDirectory(dirname(path));
    await make();
  }
}

class NodeDirectory implements Directory {
  readonly path: string;
  readonly #handle: FileHandle;
  readonly #mayBlock: boolean;
  readonly #mode: number;
  readonly #exactMode: number | undefined;

  constructor(path: string, handle: FileHandle, { mayBlock = false, mode = 0o600, exactMode }: NodeDirectoryOptions) {
    this.path = path;
    this.#handle = handle;
    this.#mayBlock = mayBlock;
    this.#mode = mode;
    this.#exactMode = exactMode;
  }

  list(): Promise<readonly string[]> {
    return reading(this.path, () => readdir(this.path));
  }

  async read(name: string): Promise<Bytes | undefined> {
    const path = join(this.path, name);
    let handle: FileHandle;
    try {
      // Opening a FIFO that somebody put there must not wait for a writer.
      handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    } catch (error) {
      if (systemErrorCode(error) === "ENOENT") return undefined;
      const reason = systemErrorCode(error) === "ELOOP" ? "it is a symbolic link" : reasonOf(error);
      throw new StoreError("STATE_READ", `cannot read ${path}: ${reason}`, { cause: error });
    }
    try {
      const status = await reading(path, () => handle.stat());
      if (!status.isFile()) throw new StoreError("STATE_READ", `cannot read ${path}: it is not a regular file`);
      if (status.size > MAX_FILE_SIZE) {
        throw new StoreError("STATE_READ", `cannot read ${path}: it has ${status.size} bytes, more than any state`);
      }
      if (this.#exactMode !== undefined) await grantMode(handle, this.#exactMode);
      return new Uint8Array(await reading(path, () => handle.readFile()));
    } finally {
      await handle.close();
    }
  }

  async create(name: string): Promise<DirectoryFile> {
    const path = join(this.path, name);
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
    const handle = await writing(path, () => open(path, flags, this.#exactMode ?? this.#mode));
    if (this.#exactMode !== undefined) await grantMode(handle, this.#exactMode);
    return new NodeFile(path, handle, this.#mayBlock);
  }

  rename(from: string, to: string): Promise<void> {
    const path = join(this.path, to);
    return writing(path, () => rename(join(this.path, from), path));
  }

  remove(name: string): Promise<void> {
    const path = join(this.path, name);
    return writing(path, () => rm(path, { force: true }));
  }

  sync(): Promise<void> {
    return writing(this.path, () => this.#handle.sync());
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}
