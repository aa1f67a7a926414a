import { setTimeout as wait } from "node:timers/promises";
import { NativeError } from "../native/native-error.ts";
import { lockRecord } from "../native/record-lock.ts";
import { type LockOptions, RETRY_MS } from "./directory-lock.ts";
import { LinearStore, type LinearStoreOptions } from "./linear-store.ts";
import { type NodeLinearFile, type NodeLinearOptions, openNodeLinearFile } from "./node-linear-file.ts";
import type { Store } from "./store.ts";
import { StoreError } from "./store-error.ts";

export interface OpenLinearOptions extends LinearStoreOptions, NodeLinearOptions, LockOptions {
  /** Whether the file is taken without its lock: its only owner is then whoever takes care of that otherwise. */
  readonly unlocked?: boolean | undefined;
}

/**
 * Opens a file or block device with swtpm's linear layout as a store and becomes its only owner. Rejects with a `StoreError` that
 * names what is wrong; nothing that is there is overwritten then.
 */
export async function openLinearStore(path: string, options: OpenLinearOptions = {}): Promise<Store> {
  const file = await openNodeLinearFile(path, options);
  try {
    if (options.unlocked !== true) await lockLinearFile(file, options);
    return await LinearStore.open(file, options);
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** The record lock that swtpm takes on the file itself, for as long as it is open. */
export async function lockLinearFile(
  file: NodeLinearFile,
  { retries = 0, onWarning }: LockOptions = {},
): Promise<void> {
  try {
    for (let left = retries; !lockRecord(file.fd); left--) {
      if (left <= 0) {
        throw new StoreError(
          "STATE_LOCKED",
          `${file.path} is in use by another process: stop it, or choose another file`,
        );
      }
      await wait(RETRY_MS);
    }
  } catch (error) {
    if (!(error instanceof NativeError)) throw error;
    onWarning?.(`${file.path} is not locked against other processes: ${error.message}`);
  }
}
