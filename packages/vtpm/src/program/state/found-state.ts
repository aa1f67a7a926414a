import { existsSync } from "node:fs";
import { open, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { decodeLinearHeader, LINEAR_HEADER_SIZE, LinearError } from "@vtpm/state";
import type { Bytes } from "@vtpm/wire";
import { reasonOf } from "../../host-error.ts";
import { type DirectoryLock, lockDirectory } from "../../store/directory-lock.ts";
import { DirectoryStore } from "../../store/directory-store.ts";
import { LinearStore } from "../../store/linear-store.ts";
import { openNodeDirectory } from "../../store/node-directory.ts";
import { openNodeLinearFile } from "../../store/node-linear-file.ts";
import { lockLinearFile } from "../../store/open-linear-store.ts";
import type { Store } from "../../store/store.ts";
import { StoreError } from "../../store/store-error.ts";
import { locationText, type StateLocation, stateLocation } from "../state-location.ts";

/** The name of the only TPM in a directory: swtpm's. */
export const TPM = "tpm2-00";
const LOCK_FILE = ".lock";
/** Larger than any state. */
const MAX_FILE_SIZE = 0x100_0000;

/** What is stored of a TPM, each part in its envelope; in a file alone it may be any of both. */
export interface FoundState {
  /** Where it is, in words. */
  readonly location: string;
  readonly permanent: Bytes | undefined;
  /** Changes since the permanent state was written. */
  readonly deltas: readonly Bytes[];
  readonly volatile: Bytes | undefined;
  /** Of a file alone: what it holds. */
  readonly single: Bytes | undefined;
}

/**
 * Reads what is stored in a directory, a linear file or device, or a file with one state; nothing is changed. Rejects with a
 * `StoreError`, `STATE_LOCKED` for what is in use.
 */
export async function readState(
  place: string,
  options: { readonly ignoreJournal?: boolean } = {},
): Promise<FoundState> {
  const location = stateLocation("the state", place);
  if (location.linearFile !== undefined) return readLinear(location.linearFile, options);
  const path = location.directory;
  const status = await stat(path).catch((error: unknown) => {
    throw new StoreError("STATE_READ", `cannot read ${path}: ${reasonOf(error)}`, { cause: error });
  });
  if (status.isDirectory()) return readDirectory(path);
  if (status.isBlockDevice() || (await beginsAsLinear(path))) return readLinear(path, options);
  return readSingle(path);
}

async function readDirectory(path: string): Promise<FoundState> {
  return whileLocked(path, async () => {
    const directory = await openNodeDirectory(path, { create: false });
    try {
      const store = await DirectoryStore.open(directory, { foldByHand: true });
      const found = await partsOf({ directory: path }, store);
      if (found.permanent === undefined && found.volatile === undefined && found.deltas.length === 0) {
        const has12 = existsSync(join(path, "tpm-00.permall"));
        const what = has12 ? "there is a TPM 1.2 in it, which vtpm does not know" : "there is no TPM in it";
        throw new StoreError("STATE_READ", `cannot read the state in ${path}: ${what}`);
      }
      return found;
    } finally {
      await directory.close();
    }
  });
}

async function readLinear(path: string, { ignoreJournal }: { readonly ignoreJournal?: boolean }): Promise<FoundState> {
  const file = await openNodeLinearFile(path, { create: false });
  try {
    await lockLinearFile(file);
    return await partsOf({ linearFile: path }, await LinearStore.open(file, { foldByHand: true, ignoreJournal }));
  } finally {
    await file.close();
  }
}

async function readSingle(path: string): Promise<FoundState> {
  return whileLocked(dirname(path), async () => {
    const handle = await open(path);
    try {
      const { size } = await handle.stat();
      if (size > MAX_FILE_SIZE) throw new StoreError("STATE_READ", `${path} has ${size} bytes, more than any state`);
      const single = new Uint8Array(await handle.readFile());
      return { location: path, permanent: undefined, deltas: [], volatile: undefined, single };
    } finally {
      await handle.close();
    }
  });
}

async function partsOf(location: StateLocation, store: Store): Promise<FoundState> {
  const { image, deltas } = await store.load(TPM);
  const volatile = await store.readVolatile(TPM);
  return { location: locationText(location), permanent: image, deltas, volatile, single: undefined };
}

/** Where no lock has been made yet nobody uses the directory, and none is left there for having been looked at. */
async function whileLocked<T>(directory: string, work: () => Promise<T>): Promise<T> {
  let lock: DirectoryLock | undefined;
  if (existsSync(join(directory, LOCK_FILE))) lock = await lockDirectory(directory);
  try {
    return await work();
  } finally {
    await lock?.release();
  }
}

async function beginsAsLinear(path: string): Promise<boolean> {
  const handle = await open(path).catch((error: unknown) => {
    throw new StoreError("STATE_READ", `cannot read ${path}: ${reasonOf(error)}`, { cause: error });
  });
  try {
    const start = new Uint8Array(LINEAR_HEADER_SIZE);
    const { bytesRead } = await handle.read(start, 0, start.length, 0);
    decodeLinearHeader(start.subarray(0, bytesRead), (await handle.stat()).size);
    return true;
  } catch (error) {
    if (error instanceof LinearError) return error.code !== "MAGIC";
    throw error;
  } finally {
    await handle.close();
  }
}
