import type { Bytes } from "@vtpm/wire";
import type { Directory, DirectoryFile } from "../store/directory.ts";
import type { Pending } from "../store/pending.ts";
import { StoreError } from "../store/store-error.ts";

/** What was asked of the disk, in order; a test may let one of these fail. */
export type DiskOperation = "create" | "write" | "truncate" | "syncFile" | "rename" | "remove" | "syncDirectory";

interface Write {
  readonly at: number;
  readonly data: Bytes;
}
type FileChange = Write | { readonly size: number };
type NameChange = { readonly name: string; readonly file: SimulatedFile | undefined };

/** Disks write a sector whole or not at all: bytes. */
const SECTOR = 512;

/**
 * Decides of each thing that was not synced, in the order in which it was done, what the power cut has left: which sectors of
 * a write; a change of names or of a size has one. What came later may be left although what came before is not.
 */
export type Survival = (sectors: number) => (sector: number) => boolean;

/** What a power cut may do to what was not synced: the ways in which disks and file systems are known to. */
export function survivals(seed: number): Readonly<Record<string, Survival>> {
  const random = createRandom(seed);
  const chance = (share: number): Survival => {
    return () => {
      const whole = random() < share;
      return () => whole;
    };
  };
  return {
    dropped: () => () => false,
    kept: () => () => true,
    "torn at a sector": (sectors) => {
      const left = Math.floor(random() * (sectors + 1));
      return (sector) => sector < left;
    },
    "sectors out of order": () => () => random() < 0.5,
    "written out of order": chance(0.5),
    "the most of it kept": chance(0.8),
    "the least of it kept": chance(0.2),
  };
}

function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/**
 * A directory in memory that knows what a power cut may take: whatever was not synced, in any combination, writes also in
 * part. `onOperation` is called before each operation and may throw in its place.
 */
export class SimulatedDisk implements Directory {
  readonly path = "/simulated";
  /** Whether it is waited for in place where somebody waits. */
  readonly mayBlock: boolean;
  onOperation: (operation: DiskOperation) => void = () => {};
  /** Bytes that a file can have. */
  largestFile = Number.POSITIVE_INFINITY;
  readonly #names = new Map<string, SimulatedFile>();
  readonly #durableNames = new Map<string, SimulatedFile>();
  #pending: NameChange[][] = [];

  constructor(mayBlock = false) {
    this.mayBlock = mayBlock;
  }

  async list(): Promise<readonly string[]> {
    return [...this.#names.keys()];
  }

  async read(name: string): Promise<Bytes | undefined> {
    return this.#names.get(name)?.content.slice();
  }

  async create(name: string): Promise<DirectoryFile> {
    this.onOperation("create");
    if (this.#names.has(name)) throw new StoreError("STATE_WRITE", `${name} exists`);
    const file = new SimulatedFile(this);
    this.#change([{ name, file }]);
    return file;
  }

  async rename(from: string, to: string): Promise<void> {
    this.onOperation("rename");
    const file = this.#names.get(from);
    if (file === undefined) throw new StoreError("STATE_WRITE", `${from} does not exist`);
    this.#change([
      { name: from, file: undefined },
      { name: to, file },
    ]);
  }

  async remove(name: string): Promise<void> {
    this.onOperation("remove");
    if (this.#names.has(name)) this.#change([{ name, file: undefined }]);
  }

  async sync(): Promise<void> {
    this.onOperation("syncDirectory");
    for (const changes of this.#pending) apply(this.#durableNames, changes);
    this.#pending = [];
  }

  async close(): Promise<void> {}

  /** What a file contains at this moment, as somebody sees it who copies it. */
  peek(name: string): Bytes | undefined {
    return this.#names.get(name)?.content;
  }

  /** Puts a file there, as somebody with an editor might. */
  plant(name: string, content: Bytes): void {
    const file = new SimulatedFile(this, content);
    this.#names.set(name, file);
    this.#durableNames.set(name, file);
  }

  /** The disk as it is found after a power cut now. */
  afterPowerCut(survival: Survival): SimulatedDisk {
    const names = new Map(this.#durableNames);
    for (const changes of this.#pending) if (survival(1)(0)) apply(names, changes);
    const disk = new SimulatedDisk(this.mayBlock);
    for (const [name, file] of names) disk.plant(name, file.afterPowerCut(survival));
    return disk;
  }

  #change(changes: NameChange[]): void {
    apply(this.#names, changes);
    this.#pending.push(changes);
  }
}

function apply(names: Map<string, SimulatedFile>, changes: readonly NameChange[]): void {
  for (const { name, file } of changes) {
    if (file === undefined) names.delete(name);
    else names.set(name, file);
  }
}

class SimulatedFile implements DirectoryFile {
  readonly #disk: SimulatedDisk;
  content: Bytes;
  #durable: Bytes;
  #pending: FileChange[] = [];

  constructor(disk: SimulatedDisk, content: Bytes = new Uint8Array(0)) {
    this.#disk = disk;
    this.content = content;
    this.#durable = content;
  }

  write(data: Bytes, position: number): void {
    try {
      this.#disk.onOperation("write");
    } catch (error) {
      // A write that fails may have written something.
      this.#change({ at: position, data: data.slice(0, data.length >> 1) });
      throw error;
    }
    const fitting = data.slice(0, Math.max(0, this.#disk.largestFile - position));
    this.#change({ at: position, data: fitting });
    if (fitting.length < data.length) throw new StoreError("STATE_WRITE", "no space left on device (ENOSPC)");
  }

  async truncate(size: number): Promise<void> {
    this.#disk.onOperation("truncate");
    this.#change({ size });
  }

  async sync(): Promise<void> {
    this.#sync();
  }

  syncUrgently(): Pending {
    if (!this.#disk.mayBlock) return this.sync();
    try {
      this.#sync();
      return undefined;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  async close(): Promise<void> {}

  afterPowerCut(survival: Survival): Bytes {
    let content = this.#durable;
    for (const change of this.#pending) {
      if ("size" in change) {
        if (survival(1)(0)) content = changed(content, change);
      } else {
        for (const part of sectorsLeft(change, survival)) content = changed(content, part);
      }
    }
    return content;
  }

  #sync(): void {
    this.#disk.onOperation("syncFile");
    this.#durable = this.content;
    this.#pending = [];
  }

  #change(change: FileChange): void {
    this.content = changed(this.content, change);
    this.#pending.push(change);
  }
}

/** What is left of a write: runs of sectors. */
function* sectorsLeft({ at, data }: Write, survival: Survival): Generator<Write> {
  const first = Math.floor(at / SECTOR);
  const count = Math.ceil((at + data.length) / SECTOR) - first;
  const isLeft = survival(count);
  const offsetOf = (sector: number): number => Math.min(Math.max((first + sector) * SECTOR - at, 0), data.length);
  let start: number | undefined;
  for (let sector = 0; sector <= count; sector++) {
    const left = sector < count && isLeft(sector);
    if (left) start ??= offsetOf(sector);
    else if (start !== undefined) {
      yield { at: at + start, data: data.subarray(start, offsetOf(sector)) };
      start = undefined;
    }
  }
}

function changed(content: Bytes, change: FileChange): Bytes {
  const size = "size" in change ? change.size : Math.max(content.length, change.at + change.data.length);
  const result = new Uint8Array(size);
  result.set(content.subarray(0, size));
  if ("data" in change) result.set(change.data, change.at);
  return result;
}
