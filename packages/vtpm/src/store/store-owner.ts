import { GroupCommit } from "./group-commit.ts";
import { Lane } from "./lane.ts";
import type { Store, StoreRecord } from "./store.ts";
import { StoreError } from "./store-error.ts";

/** Opens a store as its only owner; one that is in use is asked for again so many times. */
export type OpenStore = (retries: number) => Promise<Store>;

/**
 * A store that this process owns, or may give up to another one and take back: a TPM that moves to another host on the same
 * storage takes its lock along.
 */
export class StoreOwner {
  readonly #open: OpenStore;
  readonly #lane = new Lane();
  #commits: GroupCommit | undefined;

  constructor(open: OpenStore) {
    this.#open = open;
  }

  /** Whether the store is this process's. */
  get owns(): boolean {
    return this.#commits !== undefined;
  }

  /** Becomes the owner; nothing to do for whoever is. Rejects with `STATE_LOCKED` when another one is and stays it. */
  acquire(retries = 0): Promise<void> {
    return this.#lane.run(async () => {
      this.#commits ??= new GroupCommit(await this.#open(retries));
    });
  }

  /** Brings what is stored into its final form and gives it up. */
  release(): Promise<void> {
    return this.#lane.run(async () => {
      const store = this.#commits?.store;
      this.#commits = undefined;
      await store?.close();
    });
  }

  /** The store, as long as it is owned. */
  get store(): Store {
    return this.#owned().store;
  }

  /** Resolves when the record is durable, together with those of other TPMs; rejects when it is not and never will be. */
  async commit(record: StoreRecord): Promise<void> {
    await this.#owned().commit(record);
  }

  #owned(): GroupCommit {
    if (this.#commits === undefined) throw new StoreError("STATE_WRITE", "the state was given up to another process");
    return this.#commits;
  }
}
