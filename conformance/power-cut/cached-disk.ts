import { closeSync, fdatasyncSync, fstatSync, openSync, readSync, writeSync } from "node:fs";
import type { Dice } from "@vtpm/tpm2/testing";

/** Disks write a sector whole or not at all: bytes. */
export const SECTOR = 512;

interface SectorWrite {
  readonly sector: number;
  readonly data: Buffer;
}

/**
 * A disk in a file of this machine, with a cache: what is written is on the medium when it has been flushed, and not before. A power
 * cut leaves any of the rest, each sector in the state of any of its writes.
 */
export class CachedDisk {
  readonly size: number;
  /** Called when it has a write and when it shall flush, before it says that it has; may cut the power. */
  onChange: () => void = () => {};
  /** Whether it says that it has flushed, and does not. */
  lies = false;
  readonly #file: number;
  #pending: SectorWrite[] = [];
  /** What a sector reads as while that is not on the medium. */
  readonly #cached = new Map<number, Buffer>();
  #off = false;

  constructor(path: string) {
    this.#file = openSync(path, "r+");
    this.size = fstatSync(this.#file).size;
  }

  /** Whether its power is gone: it does nothing any more, and answers nothing. */
  get isOff(): boolean {
    return this.#off;
  }

  /** Writes that a power cut may take. */
  get pending(): number {
    return this.#pending.length;
  }

  read(offset: number, size: number): Buffer {
    const bytes = Buffer.alloc(size);
    readSync(this.#file, bytes, 0, size, offset);
    if (this.#cached.size === 0) return bytes;
    for (let at = 0; at < size; at += SECTOR) this.#cached.get((offset + at) / SECTOR)?.copy(bytes, at);
    return bytes;
  }

  write(offset: number, bytes: Buffer): void {
    for (let at = 0; at < bytes.length; at += SECTOR) {
      const write = { sector: (offset + at) / SECTOR, data: Buffer.from(bytes.subarray(at, at + SECTOR)) };
      this.#pending.push(write);
      this.#cached.set(write.sector, write.data);
    }
    this.onChange();
  }

  flush(): void {
    this.onChange();
    if (this.#off || this.lies) return;
    this.#settle(() => true);
  }

  /** What is not on the medium gets there or does not, as the dice fall; one that lies has kept nothing. */
  cutPower(dice: Dice): void {
    this.#off = true;
    const count = this.#pending.length;
    const inOrder = dice.roll(count + 1);
    const survival = dice.of([
      () => false,
      () => true,
      (place: number) => place < inOrder,
      () => dice.roll(2) === 0,
      () => dice.roll(5) === 0,
    ]);
    this.#settle(this.lies ? () => false : survival);
    fdatasyncSync(this.#file);
    closeSync(this.#file);
  }

  #settle(isKept: (place: number) => boolean): void {
    for (const [place, { sector, data }] of this.#pending.entries()) {
      if (isKept(place)) writeSync(this.#file, data, 0, SECTOR, sector * SECTOR);
    }
    this.#pending = [];
    this.#cached.clear();
  }
}
