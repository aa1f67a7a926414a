import type { Bytes } from "@vtpm/wire";
import type { Pending } from "./pending.ts";

/** A file being written. */
export interface DirectoryFile {
  /** Writes all of `data` at `position`, or throws a `StoreError` having written any part of it: only `sync` waits for the disk. */
  write(data: Bytes, position: number): void;
  truncate(size: number): Promise<void>;
  /** Resolves when content and size survive a power cut. */
  sync(): Promise<void>;
  /** The same where somebody waits for it: the whole process may stand still meanwhile. Never throws. */
  syncUrgently(): Pending;
  close(): Promise<void>;
}

/** All that a directory store needs of a file system; names are plain file names. Failures reject with a `StoreError`. */
export interface Directory {
  /** For messages. */
  readonly path: string;
  list(): Promise<readonly string[]>;
  /** The content of a file; `undefined` when there is none. */
  read(name: string): Promise<Bytes | undefined>;
  /** A new, empty file that only its owner may read; rejects when there is one of that name. */
  create(name: string): Promise<DirectoryFile>;
  rename(from: string, to: string): Promise<void>;
  /** Removes a file; one that does not exist is no error. */
  remove(name: string): Promise<void>;
  /** Resolves when all creations, renamings and removals so far survive a power cut. */
  sync(): Promise<void>;
  close(): Promise<void>;
}
