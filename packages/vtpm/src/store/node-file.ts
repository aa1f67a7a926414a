import { fdatasyncSync, writeSync } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import type { Bytes } from "@vtpm/wire";
import { reasonOf } from "../host-error.ts";
import type { DirectoryFile } from "./directory.ts";
import type { Pending } from "./pending.ts";
import { StoreError } from "./store-error.ts";

/** An open file of the local file system. */
export class NodeFile implements DirectoryFile {
  readonly path: string;
  readonly #handle: FileHandle;
  readonly #mayBlock: boolean;

  constructor(path: string, handle: FileHandle, mayBlock: boolean) {
    this.path = path;
    this.#handle = handle;
    this.#mayBlock = mayBlock;
  }

  write(data: Bytes, position: number): void {
    try {
      // Into the page cache, which takes a microsecond; a thread of the pool would take fifty.
      for (let done = 0; done < data.length; ) {
        done += writeSync(this.#handle.fd, data, done, data.length - done, position + done);
      }
    } catch (error) {
      throw cannotWrite(this.path, error);
    }
  }

  truncate(size: number): Promise<void> {
    return writing(this.path, () => this.#handle.truncate(size));
  }

  sync(): Promise<void> {
    return writing(this.path, () => this.#handle.datasync());
  }

  syncUrgently(): Pending {
    if (!this.#mayBlock) return this.sync();
    try {
      fdatasyncSync(this.#handle.fd);
      return undefined;
    } catch (error) {
      return Promise.reject(cannotWrite(this.path, error));
    }
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}

/** Gives an open file its access rights; that of somebody else, or on a disk that takes no writes, keeps those it has. */
export async function grantMode(handle: FileHandle, mode: number): Promise<void> {
  await handle.chmod(mode).catch(() => {});
}

/** What reading something comes to; a failure names the path. */
export async function reading<T>(path: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    throw new StoreError("STATE_READ", `cannot read ${path}: ${reasonOf(error)}`, { cause: error });
  }
}

/** What writing something comes to; a failure names the path. */
export async function writing<T>(path: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    throw cannotWrite(path, error);
  }
}

function cannotWrite(path: string, error: unknown): StoreError {
  return new StoreError("STATE_WRITE", `cannot write ${path}: ${reasonOf(error)}`, { cause: error });
}
