import { GroupCommit } from "./group-commit.ts";
import { Lane } from "./lane.ts";
import type { Store } from "./store.ts";

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

  /** The store as long as it is this process's; another object each time it has been taken. */
  get commits(): GroupCommit | undefined {
    return this.#commits;
  }

  /** Becomes the owner; nothing to do for whoever is. Rejects with `STATE_LOCKED` when another one is and stays it. */
  acquire(retries = 0): Promise<GroupCommit> {
    return this.#lane.run(async () => {
      this.#commits ??= new GroupCommit(await this.#open(retries));
      return this.#commits;
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
}
