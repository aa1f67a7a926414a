import { type Bytes, EMPTY } from "./bytes.ts";

/** What fits is allocated many times faster by JavaScript engines than larger arrays. */
const SMALL = 64;
/** How many times larger a writer becomes when it is full: to grow costs more than to have room left over. */
const GROWTH = 4;
/** Room enough for all but the rarest message. */
const LARGE = 8192;

/**
 * Wiped memory of a writer that has finished, for the next one that needs more than a little: to allocate and collect it
 * costs more than to write most messages.
 */
let spare: Bytes | undefined;

/** Builds a big-endian byte string. A value that does not fit its field is a bug of the caller: `RangeError`. */
export class Writer {
  #bytes: Bytes;
  #size = 0;

  constructor() {
    this.#bytes = new Uint8Array(SMALL);
  }

  get size(): number {
    return this.#size;
  }

  uint8(value: number): void {
    checkRange(value, 0xff);
    const start = this.#grow(1);
    this.#bytes[start] = value;
  }

  uint16(value: number): void {
    checkRange(value, 0xffff);
    this.#putUint16(this.#grow(2), value);
  }

  uint32(value: number): void {
    checkRange(value, 0xffffffff);
    this.#putUint32(this.#grow(4), value);
  }

  uint64(value: bigint): void {
    if (value < 0n || value > 0xffffffffffffffffn) throw new RangeError(`${value} does not fit 64 bits`);
    const start = this.#grow(8);
    this.#putUint32(start, Number(value >> 32n));
    this.#putUint32(start + 4, Number(value & 0xffffffffn));
  }

  bytes(value: Bytes): void {
    const start = this.#grow(value.length);
    this.#bytes.set(value, start);
  }

  /** Overwrites the two bytes at `offset`: the size in front of what has been written since. */
  patchUint16(offset: number, value: number): void {
    checkRange(value, 0xffff);
    this.#putUint16(offset, value);
  }

  /** Overwrites the four bytes at `offset`. */
  patchUint32(offset: number, value: number): void {
    checkRange(value, 0xffffffff);
    this.#putUint32(offset, value);
  }

  /** A copy of everything written. The writer is empty afterwards. */
  finish(): Bytes {
    const written = this.#bytes.slice(0, this.#size);
    giveBack(this.#bytes, this.#size);
    this.#bytes = EMPTY;
    this.#size = 0;
    return written;
  }

  #putUint16(offset: number, value: number): void {
    this.#bytes[offset] = value >>> 8;
    this.#bytes[offset + 1] = value;
  }

  #putUint32(offset: number, value: number): void {
    this.#bytes[offset] = value >>> 24;
    this.#bytes[offset + 1] = value >>> 16;
    this.#bytes[offset + 2] = value >>> 8;
    this.#bytes[offset + 3] = value;
  }

  /** Makes room and says where; it may replace the buffer, so call it before touching that. */
  #grow(size: number): number {
    const start = this.#size;
    this.#size = start + size;
    if (this.#size > this.#bytes.length) {
      const larger = memoryOf(Math.max(this.#size, GROWTH * this.#bytes.length));
      larger.set(this.#bytes.subarray(0, start));
      giveBack(this.#bytes, start);
      this.#bytes = larger;
    }
    return start;
  }
}

function memoryOf(size: number): Bytes {
  if (size > LARGE) return new Uint8Array(size);
  const memory = spare ?? new Uint8Array(LARGE);
  spare = undefined;
  return memory;
}

function giveBack(memory: Bytes, used: number): void {
  if (memory.length === LARGE) spare = memory.fill(0, 0, used);
}

function checkRange(value: number, max: number): void {
  if (value >>> 0 !== value || value > max) throw new RangeError(`${value} is not within 0..${max}`);
}
