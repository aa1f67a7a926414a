import type { Pending } from "./pending.ts";
import type { Store, StoreRecord } from "./store.ts";

interface Waiting {
  readonly record: StoreRecord;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Gathers what the TPMs of a process want stored: the changes of one turn of the event loop, and all that arrive while
 * the store is busy, go into one `append` and share its cost. A TPM that is alone waits for nobody.
 */
export class GroupCommit {
  readonly store: Store;
  /** Those that have stored anything. */
  readonly #tpms = new Set<string>();
  #waiting: Waiting[] = [];
  #busy = false;

  constructor(store: Store) {
    this.store = store;
  }

  /** Makes the changes durable. What is returned rejects when they are not and never will be. */
  commit(record: StoreRecord): Pending {
    this.#tpms.add(record.tpm);
    return this.#tpms.size === 1 ? this.store.append([record]) : this.#gather(record);
  }

  #gather(record: StoreRecord): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ record, resolve, reject });
      if (this.#busy) return;
      this.#busy = true;
      // After the sockets that are readable now have been read: their commands share the append.
      setImmediate(() => void this.#appendWaiting());
    });
  }

  async #appendWaiting(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting;
      this.#waiting = [];
      try {
        await this.store.append(batch.map(({ record }) => record));
        for (const { resolve } of batch) resolve();
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    this.#busy = false;
  }
}
