import type { Bytes } from "@vtpm/wire";
import { applyChanges, type Entries, type Store, type StoreRecord } from "./store.ts";

/** Keeps state as long as the object lives: for tests and throw-away TPMs. */
export class MemoryStore implements Store {
  readonly #tpms = new Map<string, Map<string, Bytes>>();

  locate(tpm: string): string {
    return `${tpm} in memory`;
  }

  async load(tpm: string): Promise<Entries> {
    return new Map(this.#tpms.get(tpm));
  }

  async append(records: readonly StoreRecord[]): Promise<void> {
    for (const { tpm, changes } of records) {
      const entries = this.#tpms.get(tpm) ?? new Map<string, Bytes>();
      applyChanges(entries, changes);
      this.#tpms.set(tpm, entries);
    }
  }

  async close(): Promise<void> {}
}
