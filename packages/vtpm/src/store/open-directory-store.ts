import { type DirectoryLock, type LockOptions, lockDirectory } from "./directory-lock.ts";
import { DirectoryStore, type DirectoryStoreOptions } from "./directory-store.ts";
import { type NodeDirectoryOptions, openNodeDirectory } from "./node-directory.ts";
import type { Store } from "./store.ts";

export interface OpenDirectoryOptions extends DirectoryStoreOptions, NodeDirectoryOptions, LockOptions {
  /** Whether the directory is taken without its lock: its only owner is then whoever takes care of that otherwise. */
  readonly unlocked?: boolean | undefined;
}

/**
 * Opens a directory of the local file system as a store and becomes its only owner. Rejects with a `StoreError` that names
 * what is wrong; nothing that is there is overwritten then.
 */
export async function openDirectoryStore(path: string, options: OpenDirectoryOptions = {}): Promise<Store> {
  const directory = await openNodeDirectory(path, options);
  let lock: DirectoryLock | undefined;
  try {
    lock = options.unlocked === true ? undefined : await lockDirectory(path, options);
    const held = lock;
    const store = await DirectoryStore.open(directory, options);
    return {
      locate: (tpm) => store.locate(tpm),
      load: (tpm) => store.load(tpm),
      append: (records) => store.append(records),
      readVolatile: (tpm) => store.readVolatile(tpm),
      writeVolatile: (tpm, bytes) => store.writeVolatile(tpm, bytes),
      close: () => store.close().finally(() => held?.release()),
    };
  } catch (error) {
    await lock?.release();
    await directory.close();
    throw error;
  }
}
