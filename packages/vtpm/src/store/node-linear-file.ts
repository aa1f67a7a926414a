import { randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, link, open, readFile, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { encodeLinearHeader } from "@vtpm/state";
import type { Bytes } from "@vtpm/wire";
import { reasonOf, systemErrorCode } from "../host-error.ts";
import type { LinearFile } from "./linear-file.ts";
import { grantMode, NodeFile, reading, writing } from "./node-file.ts";
import { StoreError } from "./store-error.ts";

const SECTOR = 512;

export interface NodeLinearOptions {
  /** Whether urgent waiting for the disk is done in the main thread: for a process with one TPM. */
  readonly mayBlock?: boolean | undefined;
  /** Whether a file is made where there is none; it is unless told otherwise. */
  readonly create?: boolean | undefined;
  /** Access rights of a new file, from which the process' umask takes; for the owner alone unless given. */
  readonly mode?: number | undefined;
  /** Access rights that a file has whatever the umask, one that is there, too. */
  readonly exactMode?: number | undefined;
}

/** An open file or block device; whoever holds its descriptor may lock it. */
export class NodeLinearFile extends NodeFile implements LinearFile {
  readonly #handle: FileHandle;
  readonly #fixed: boolean;
  #size: number;

  constructor(path: string, handle: FileHandle, size: number, fixed: boolean, mayBlock: boolean) {
    super(path, handle, mayBlock);
    this.#handle = handle;
    this.#size = size;
    this.#fixed = fixed;
  }

  get fd(): number {
    return this.#handle.fd;
  }

  get extent(): { readonly size: number; readonly fixed: boolean } {
    return { size: this.#size, fixed: this.#fixed };
  }

  async read(position: number, size: number): Promise<Bytes> {
    const bytes = new Uint8Array(size);
    for (let done = 0; done < size; ) {
      const { bytesRead } = await reading(this.path, () =>
        this.#handle.read(bytes, done, size - done, position + done),
      );
      if (bytesRead === 0) throw new StoreError("STATE_READ", `cannot read ${this.path}: it has become shorter`);
      done += bytesRead;
    }
    return bytes;
  }

  override write(data: Bytes, position: number): void {
    super.write(data, position);
    this.#size = Math.max(this.#size, position + data.length);
  }

  override async truncate(size: number): Promise<void> {
    await super.truncate(size);
    this.#size = size;
  }
}

/** Opens a file or block device for a linear store; makes a file, with the header of an empty store, where there is none. */
export async function openNodeLinearFile(path: string, options: NodeLinearOptions = {}): Promise<NodeLinearFile> {
  const handle = await openExisting(path).catch(async (error: unknown) => {
    if (systemErrorCode(error) !== "ENOENT" || options.create === false) throw cannotOpen(path, error);
    await writing(path, () => createEmpty(path, options.exactMode ?? options.mode ?? 0o600));
    return reading(path, () => openExisting(path));
  });
  try {
    const status = await reading(path, () => handle.stat());
    if (!status.isFile() && !status.isBlockDevice()) {
      throw new StoreError("STATE_READ", `cannot use ${path}: it is neither a file nor a block device`);
    }
    if (options.exactMode !== undefined && status.isFile()) await grantMode(handle, options.exactMode);
    const size = status.isFile() ? status.size : await reading(path, () => deviceSize(status.rdev));
    return new NodeLinearFile(path, handle, size, !status.isFile(), options.mayBlock === true);
  } catch (error) {
    await handle.close();
    throw error;
  }
}

function openExisting(path: string): Promise<FileHandle> {
  // Opening a FIFO that somebody put there must not wait for a writer.
  return open(path, constants.O_RDWR | constants.O_NOFOLLOW | constants.O_NONBLOCK);
}

/** The file gets its name when it is complete, and only if nobody else has taken that meanwhile. */
async function createEmpty(path: string, mode: number): Promise<void> {
  const unnamed = `${path}.${randomBytes(8).toString("hex")}.new`;
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  const handle = await open(unnamed, flags, mode);
  try {
    await handle.writeFile(encodeLinearHeader(new Map()));
    await handle.sync();
    await link(unnamed, path);
  } catch (error) {
    if (systemErrorCode(error) !== "EEXIST") throw error;
  } finally {
    await handle.close();
    await rm(unnamed, { force: true });
  }
  const directory = await open(dirname(path), constants.O_RDONLY | constants.O_DIRECTORY);
  await directory.sync().finally(() => directory.close());
}

/** What Linux says of a block device by its number: 512 bytes each, whatever its sectors are. */
async function deviceSize(device: number): Promise<number> {
  const [major, minor] = [
    Math.floor(device / 0x100) % 0x1000,
    (device % 0x100) + 0x100 * Math.floor(device / 0x100000),
  ];
  return SECTOR * Number(await readFile(`/sys/dev/block/${major}:${minor}/size`, "latin1"));
}

function cannotOpen(path: string, error: unknown): StoreError {
  const reason = systemErrorCode(error) === "ELOOP" ? "it is a symbolic link: name what it points to" : reasonOf(error);
  return new StoreError("STATE_READ", `cannot open ${path}: ${reason}`, { cause: error });
}
