import { decodePermanent, encodePermanent, openEnvelope, sealEnvelope } from "@vtpm/state";
import { applyChanges, decodeChanges, durableChanges, encodeChanges, type NvState, type Platform } from "@vtpm/tpm2";
import { type Bytes, EMPTY } from "@vtpm/wire";
import type { GroupCommit } from "../store/group-commit.ts";
import { after, type Pending } from "../store/pending.ts";
import { StoreError } from "../store/store-error.ts";
import type { StoreOwner } from "../store/store-owner.ts";
import { isSameTpm } from "./same-tpm.ts";
import { usable } from "./usable.ts";

export interface PersistenceOptions {
  /** The TPM's name in the store. */
  readonly name: string;
  readonly owner: StoreOwner;
  /** Encrypts all that is stored: 16 or 32 bytes. */
  readonly key?: Bytes | undefined;
  readonly platform: Platform;
}

/**
 * What is stored of one TPM, as states instead of bytes: an image in libtpms' layout and changes to it, each in swtpm's
 * envelope and encrypted alike.
 */
export class Persistence {
  readonly #name: string;
  readonly #owner: StoreOwner;
  readonly #sealing: Parameters<typeof sealEnvelope>[1];
  /** The store that this was read from. */
  #commits: GroupCommit | undefined;
  #durable: NvState | undefined;
  /** Whether anything can be written; otherwise what would have to be is refused. */
  writable = true;

  constructor({ name, owner, key, platform }: PersistenceOptions) {
    this.#name = name;
    this.#owner = owner;
    this.#sealing = { key, crypto: platform.crypto, entropy: (size) => platform.entropy(size) };
  }

  /** Whether the store is this process's, and what is in it known here. */
  get owned(): boolean {
    return this.#commits !== undefined && this.#commits === this.#owner.commits;
  }

  /** The state that is stored, while the store is owned; `undefined` for a TPM that does not exist yet. */
  get durable(): NvState | undefined {
    return this.#durable;
  }

  /** Where it is stored, for messages. */
  get location(): string {
    return this.#held().store.locate(this.#name);
  }

  /**
   * Becomes the owner of the store and reads what is stored; nothing to do for who owns it. Rejects with `STATE_DAMAGED` or
   * `STATE_KEY` for what cannot be used, and with `STATE_CHANGED` when a TPM is to go on that another process has used since
   * the store was given up: what that one has answered must not be undone.
   */
  async acquire(options: { readonly retries?: number; readonly goesOn?: boolean } = {}): Promise<void> {
    if (this.owned) return;
    const othersOwn = this.#owner.commits !== undefined;
    this.#commits = await this.#owner.acquire(options.retries);
    try {
      const stored = await this.#load(this.#commits);
      if (options.goesOn === true && this.#durable !== undefined && !isSameTpm(this.#durable, stored)) {
        throw new StoreError("STATE_CHANGED", `${this.location} was used by another process since it was given up`);
      }
      this.#durable = stored;
    } catch (error) {
      this.#commits = undefined;
      if (!othersOwn) await this.#owner.release();
      throw error;
    }
  }

  /** Gives the store up, with everything in its final form. */
  release(): Promise<void> {
    return this.#owner.release();
  }

  /** Makes a state durable; returns nothing where there is nothing to do for that. When it rejects, the one before stays. */
  commit(nv: NvState): Pending {
    const commits = this.#held();
    const changes = durableChanges(this.#durable, nv);
    if (changes.length === 0) {
      this.#durable = nv;
      return undefined;
    }
    if (!this.writable) return Promise.reject(new StoreError("STATE_WRITE", "NV memory is switched off"));
    const delta = sealEnvelope(encodeChanges(changes), this.#sealing);
    return after(commits.commit({ tpm: this.#name, delta, image: this.#image(nv) }), () => {
      this.#durable = nv;
    });
  }

  /** The volatile state that was kept. */
  async readVolatile(): Promise<Bytes | undefined> {
    const sealed = await this.#held().store.readVolatile(this.#name);
    return sealed === undefined ? undefined : this.usable("volatile state", () => this.#open(sealed));
  }

  /** Keeps volatile state, or forgets what is kept. */
  async writeVolatile(state: Bytes | undefined): Promise<void> {
    const sealed = state === undefined ? undefined : sealEnvelope(state, this.#sealing);
    await this.#held().store.writeVolatile(this.#name, sealed);
  }

  /** What `use` makes of stored bytes; throws a `StoreError` that names them when they do not fit. */
  usable<T>(what: string, use: () => T): T {
    return usable(`${what} of ${this.location}`, use);
  }

  async #load(commits: GroupCommit): Promise<NvState | undefined> {
    const { image, deltas } = await commits.store.load(this.#name);
    let nv = image === undefined ? undefined : this.usable("state", () => decodePermanent(this.#open(image)));
    for (const delta of deltas) {
      nv = this.usable("journal", () => applyChanges(nv, decodeChanges(this.#open(delta))));
    }
    // Nothing is new, but from now on there is somebody who knows what the state file is to be.
    if (nv !== undefined) await commits.commit({ tpm: this.#name, delta: EMPTY, image: this.#image(nv) });
    return nv;
  }

  #held(): GroupCommit {
    if (this.#commits === undefined || !this.owned) {
      throw new StoreError("STATE_WRITE", "the state was given up to another process");
    }
    return this.#commits;
  }

  #open(sealed: Bytes): Bytes {
    return openEnvelope(sealed, this.#sealing);
  }

  #image(nv: NvState): () => Bytes {
    return () => sealEnvelope(encodePermanent(nv), this.#sealing);
  }
}
