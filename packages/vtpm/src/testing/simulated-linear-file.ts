import type { Bytes } from "@vtpm/wire";
import type { LinearFile } from "../store/linear-file.ts";
import { StoreError } from "../store/store-error.ts";
import type { DiskOperation } from "./simulated-disk.ts";

const SECTOR = 512;

/** Chooses, of so many things of which the power cut leaves one, which one it is: the first was synced, the last is the newest. */
export type Survivor = (count: number) => number;

/**
 * A file or device in memory that knows what a power cut may leave of it: of every sector, independently of all others, the content
 * that was synced or any that was written since. A sector is never torn. `onOperation` is called before each operation and may
 * throw in its place.
 */
export class SimulatedLinearFile implements LinearFile {
  readonly path = "/simulated/linear";
  onOperation: (operation: DiskOperation) => void = () => {};
  readonly #fixed: boolean;
  #content: Bytes;
  #durable: Bytes;
  /** What was in a sector after each write to it since the last sync. */
  readonly #versions = new Map<number, Bytes[]>();
  /** The sizes it has had since then. */
  #sizes: number[] = [];

  constructor(content: Bytes, fixed = false) {
    this.#content = content;
    this.#durable = content;
    this.#fixed = fixed;
  }

  /** What a reader finds now. */
  get content(): Bytes {
    return this.#content;
  }

  get extent(): { readonly size: number; readonly fixed: boolean } {
    return { size: this.#content.length, fixed: this.#fixed };
  }

  async read(position: number, size: number): Promise<Bytes> {
    if (position + size > this.#content.length) throw new StoreError("STATE_READ", "read past the end");
    return this.#content.slice(position, position + size);
  }

  write(data: Bytes, position: number): void {
    try {
      this.onOperation("write");
    } catch (error) {
      // A write that fails may have written some sectors.
      const half = Math.floor((position + data.length / 2) / SECTOR) * SECTOR - position;
      this.#put(data.subarray(0, Math.max(0, half)), position);
      throw error;
    }
    this.#put(data, position);
  }

  async truncate(size: number): Promise<void> {
    this.onOperation("truncate");
    this.#content = resized(this.#content, size);
    this.#sizes.push(size);
  }

  async sync(): Promise<void> {
    this.onOperation("syncFile");
    this.#durable = this.#content;
    this.#versions.clear();
    this.#sizes = [];
  }

  syncUrgently(): Promise<void> {
    return this.sync();
  }

  async close(): Promise<void> {}

  afterPowerCut(survivor: Survivor): SimulatedLinearFile {
    const sizes = [this.#durable.length, ...this.#sizes];
    const size = sizes[survivor(sizes.length)] ?? 0;
    const content = resized(this.#durable, size);
    for (const [sector, versions] of this.#versions) {
      const version = versions[survivor(versions.length + 1) - 1];
      const start = sector * SECTOR;
      if (version !== undefined && start < size) content.set(version.subarray(0, size - start), start);
    }
    return new SimulatedLinearFile(content, this.#fixed);
  }

  #put(data: Bytes, position: number): void {
    const end = position + data.length;
    if (this.#fixed && end > this.#content.length) {
      throw new StoreError("STATE_WRITE", "no space left on device (ENOSPC)");
    }
    if (end > this.#content.length) this.#sizes.push(end);
    this.#content = resized(this.#content, Math.max(end, this.#content.length));
    this.#content.set(data, position);
    if (data.length === 0) return;
    for (let sector = Math.floor(position / SECTOR); sector * SECTOR < end; sector++) {
      const content = this.#content.slice(sector * SECTOR, (sector + 1) * SECTOR);
      const versions = this.#versions.get(sector);
      if (versions === undefined) this.#versions.set(sector, [content]);
      else versions.push(content);
    }
  }
}

function resized(content: Bytes, size: number): Bytes {
  const result = new Uint8Array(size);
  result.set(content.subarray(0, size));
  return result;
}
