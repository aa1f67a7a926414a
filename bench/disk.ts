import { closeSync, fdatasyncSync, mkdtempSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { median } from "./median.ts";

/** Bytes of the room that is written into; of a record of a change; of a small state file. */
const ROOM = 1 << 22;
const RECORD = new Uint8Array(400);
const STATE_FILE = new Uint8Array(6000);

/** What a disk takes, in microseconds. */
export interface DiskTiming {
  /** To write into room that is there, and sync it: the least for which a change is durable. */
  readonly sync: number;
  /** To make a small file and rename it, as swtpm does by default: nothing is durable then. */
  readonly replace: number;
}

/** The disk of a folder, measured in turn with what is stored there: how fast it is differs from one moment to the next. */
export class Disk {
  readonly #directory: string;
  readonly #fd: number;
  readonly #syncs: number[] = [];
  readonly #replacements: number[] = [];
  #offset = 0;

  constructor(parent: string) {
    this.#directory = mkdtempSync(join(parent, "vtpm-bench-disk-"));
    this.#fd = openSync(join(this.#directory, "room"), "w");
    writeSync(this.#fd, new Uint8Array(ROOM));
    fdatasyncSync(this.#fd);
  }

  /** Does each once. */
  turn(): void {
    this.#syncs.push(timed(() => this.#sync()));
    this.#replacements.push(timed(() => this.#replace()));
  }

  timing(): DiskTiming {
    return { sync: median(this.#syncs), replace: median(this.#replacements) };
  }

  close(): void {
    closeSync(this.#fd);
    rmSync(this.#directory, { recursive: true });
  }

  #sync(): void {
    writeSync(this.#fd, RECORD, 0, RECORD.length, this.#offset);
    this.#offset = (this.#offset + RECORD.length) % (ROOM - RECORD.length);
    fdatasyncSync(this.#fd);
  }

  #replace(): void {
    const fd = openSync(join(this.#directory, "new"), "w");
    writeSync(fd, STATE_FILE);
    closeSync(fd);
    renameSync(join(this.#directory, "new"), join(this.#directory, "replaced"));
  }
}

/** Microseconds. */
function timed(action: () => void): number {
  const start = performance.now();
  action();
  return 1000 * (performance.now() - start);
}
