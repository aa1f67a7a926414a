import type { Bytes } from "@vtpm/wire";
import type { Pending } from "./pending.ts";
import type { Store, Stored, StoreRecord } from "./store.ts";

/** Keeps state as long as the object lives: for tests and throw-away TPMs. */
export class MemoryStore implements Store {
  readonly #images = new Map<string, () => Bytes>();
  readonly #volatile = new Map<string, Bytes>();

  locate(tpm: string): string {
    return `${tpm} in memory`;
  }

  async load(tpm: string): Promise<Stored> {
    return { image: this.#images.get(tpm)?.(), deltas: [] };
  }

  append(records: readonly StoreRecord[]): Pending {
    for (const { tpm, image } of records) this.#images.set(tpm, image);
    return undefined;
  }

  async readVolatile(tpm: string): Promise<Bytes | undefined> {
    return this.#volatile.get(tpm);
  }

  async writeVolatile(tpm: string, bytes: Bytes | undefined): Promise<void> {
    if (bytes === undefined) this.#volatile.delete(tpm);
    else this.#volatile.set(tpm, bytes);
  }

  async close(): Promise<void> {}
}
