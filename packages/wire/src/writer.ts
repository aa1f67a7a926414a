import type { Bytes } from "./bytes.ts";

/** Builds a big-endian byte string. A value that does not fit its field is a bug of the caller: `RangeError`. */
export class Writer {
  #bytes: Bytes;
  #view: DataView;
  #size = 0;

  constructor(capacity = 256) {
    this.#bytes = new Uint8Array(capacity);
    this.#view = new DataView(this.#bytes.buffer);
  }

  get size(): number {
    return this.#size;
  }

  uint8(value: number): void {
    checkRange(value, 0xff);
    const start = this.#grow(1);
    this.#view.setUint8(start, value);
  }

  uint16(value: number): void {
    checkRange(value, 0xffff);
    const start = this.#grow(2);
    this.#view.setUint16(start, value);
  }

  uint32(value: number): void {
    checkRange(value, 0xffffffff);
    const start = this.#grow(4);
    this.#view.setUint32(start, value);
  }

  uint64(value: bigint): void {
    if (value < 0n || value > 0xffffffffffffffffn) throw new RangeError(`${value} does not fit 64 bits`);
    const start = this.#grow(8);
    this.#view.setBigUint64(start, value);
  }

  bytes(value: Bytes): void {
    const start = this.#grow(value.length);
    this.#bytes.set(value, start);
  }

  /** Overwrites the two bytes at `offset`: the size in front of what has been written since. */
  patchUint16(offset: number, value: number): void {
    checkRange(value, 0xffff);
    this.#view.setUint16(offset, value);
  }

  /** Overwrites the four bytes at `offset`. */
  patchUint32(offset: number, value: number): void {
    checkRange(value, 0xffffffff);
    this.#view.setUint32(offset, value);
  }

  /** A copy of everything written. */
  finish(): Bytes {
    return this.#bytes.slice(0, this.#size);
  }

  /** Makes room and says where; it may replace the buffer, so call it before touching that. */
  #grow(size: number): number {
    const start = this.#size;
    this.#size = start + size;
    if (this.#size > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(this.#size, 2 * this.#bytes.length));
      larger.set(this.#bytes.subarray(0, start));
      this.#bytes = larger;
      this.#view = new DataView(larger.buffer);
    }
    return start;
  }
}

function checkRange(value: number, max: number): void {
  if (!Number.isInteger(value) || value < 0 || value > max) throw new RangeError(`${value} is not within 0..${max}`);
}
