import { type Bytes, plainBytes } from "./bytes.ts";
import { Refusal } from "./refusal.ts";
import { ANY, type Rules } from "./rules.ts";
import type { Codec } from "./schema.ts";

/** Watches a decoding: called for every named part, must read it and return its value. */
export interface Tracer {
  part<T>(reader: Reader, name: string, codec: Codec<T>): T;
}

/** Takes big-endian values from the front of a byte string; never reads past its end and never aliases it. */
export class Reader {
  readonly rules: Rules;
  readonly #bytes: Bytes;
  readonly #tracer: Tracer | undefined;
  #offset: number;

  constructor(bytes: Bytes, rules: Rules = ANY, tracer?: Tracer) {
    this.rules = rules;
    this.#bytes = plainBytes(bytes);
    this.#tracer = tracer;
    this.#offset = 0;
  }

  get offset(): number {
    return this.#offset;
  }

  get remaining(): number {
    return this.#bytes.length - this.#offset;
  }

  /** Reads a named part of a structure. */
  part<T>(name: string, codec: Codec<T>): T {
    return this.#tracer === undefined ? codec.read(this) : this.#tracer.part(this, name, codec);
  }

  uint8(): number {
    return this.#at(this.#take(1));
  }

  uint16(): number {
    const start = this.#take(2);
    return this.#at(start) * 0x100 + this.#at(start + 1);
  }

  uint32(): number {
    return this.#word(this.#take(4));
  }

  uint64(): bigint {
    const start = this.#take(8);
    return BigInt(this.#word(start)) * 0x1_0000_0000n + BigInt(this.#word(start + 4));
  }

  /** A copy of the next `size` bytes. */
  bytes(size: number): Bytes {
    const start = this.#take(size);
    return this.#bytes.slice(start, start + size);
  }

  /** A copy of what was read since `start`. */
  since(start: number): Bytes {
    return this.#bytes.slice(start, this.#offset);
  }

  /** Refuses the value that starts at `offset`. */
  refuse(reason: string, message: string, offset: number = this.#offset): Refusal {
    return new Refusal(reason, offset, message);
  }

  /** The byte at an offset that `#take` has checked. Not by a DataView: making one costs more than most messages. */
  #at(offset: number): number {
    return this.#bytes[offset] as number;
  }

  #word(offset: number): number {
    return (
      this.#at(offset) * 0x1000000 +
      this.#at(offset + 1) * 0x10000 +
      this.#at(offset + 2) * 0x100 +
      this.#at(offset + 3)
    );
  }

  #take(size: number): number {
    const start = this.#offset;
    if (size > this.#bytes.length - start) {
      throw new Refusal("INSUFFICIENT", start, `expected ${size} more bytes, found ${this.#bytes.length - start}`);
    }
    this.#offset = start + size;
    return start;
  }
}
