import { type DirectoryLock, lockDirectory } from "./directory-lock.ts";
import { DirectoryStore, type DirectoryStoreOptions } from "./directory-store.ts";
import { type NodeDirectoryOptions, openNodeDirectory } from "./node-directory.ts";
import type { Store } from "./store.ts";

/**
 * Opens a directory of the local file system as a store and becomes its only owner. Rejects with a `StoreError` that names
 * what is wrong; nothing that is there is overwritten then.
 */
export async function openDirectoryStore(
  path: string,
  options: DirectoryStoreOptions & NodeDirectoryOptions = {},
): Promise<Store> {
  const directory = await openNodeDirectory(path, options);
  let lock: DirectoryLock | undefined;
  try {
    lock = await lockDirectory(path);
    const owned = lock;
    const store = await DirectoryStore.open(directory, options);
    return {
      locate: (tpm) => store.locate(tpm),
      load: (tpm) => store.load(tpm),
      append: (records) => store.append(records),
      close: () => store.close().finally(() => owned.release()),
    };
  } catch (error) {
    await lock?.release();
    await directory.close();
    throw error;
  }
}
