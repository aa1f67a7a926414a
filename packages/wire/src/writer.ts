import type { Bytes } from "./bytes.ts";

/** How many times larger a writer becomes when it is full: to grow costs more than to have room left over. */
const GROWTH = 4;

/** Builds a big-endian byte string. A value that does not fit its field is a bug of the caller: `RangeError`. */
export class Writer {
  #bytes: Bytes;
  #size = 0;

  /** The usual message fits 64 bytes, which JavaScript engines allocate many times faster than larger arrays. */
  constructor(capacity = 64) {
    this.#bytes = new Uint8Array(capacity);
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
    this.#put(this.#grow(2), 2, value);
  }

  uint32(value: number): void {
    checkRange(value, 0xffffffff);
    this.#put(this.#grow(4), 4, value);
  }

  uint64(value: bigint): void {
    if (value < 0n || value > 0xffffffffffffffffn) throw new RangeError(`${value} does not fit 64 bits`);
    const start = this.#grow(8);
    this.#put(start, 4, Number(value >> 32n));
    this.#put(start + 4, 4, Number(value & 0xffffffffn));
  }

  bytes(value: Bytes): void {
    const start = this.#grow(value.length);
    this.#bytes.set(value, start);
  }

  /** Overwrites the two bytes at `offset`: the size in front of what has been written since. */
  patchUint16(offset: number, value: number): void {
    checkRange(value, 0xffff);
    this.#put(offset, 2, value);
  }

  /** Overwrites the four bytes at `offset`. */
  patchUint32(offset: number, value: number): void {
    checkRange(value, 0xffffffff);
    this.#put(offset, 4, value);
  }

  /** A copy of everything written. */
  finish(): Bytes {
    return this.#bytes.slice(0, this.#size);
  }

  #put(offset: number, size: number, value: number): void {
    for (let i = size - 1, rest = value; i >= 0; i--, rest >>>= 8) this.#bytes[offset + i] = rest & 0xff;
  }

  /** Makes room and says where; it may replace the buffer, so call it before touching that. */
  #grow(size: number): number {
    const start = this.#size;
    this.#size = start + size;
    if (this.#size > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(this.#size, GROWTH * this.#bytes.length));
      larger.set(this.#bytes.subarray(0, start));
      this.#bytes = larger;
    }
    return start;
  }
}

function checkRange(value: number, max: number): void {
  if (!Number.isInteger(value) || value < 0 || value > max) throw new RangeError(`${value} is not within 0..${max}`);
}
