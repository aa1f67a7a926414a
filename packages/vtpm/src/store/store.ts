import type { Bytes } from "@vtpm/wire";
import type { Pending } from "./pending.ts";

/** What one command of one TPM changes durably; all of it or nothing. */
export interface StoreRecord {
  /** The TPM's name in the store. */
  readonly tpm: string;
  /** The change, which `load` hands back; empty where nothing is new and only `image` is told. */
  readonly delta: Bytes;
  /** The whole state file as of after this change: asked for when it is to be written, so it must not change any more. */
  readonly image: () => Bytes;
}

/** What is stored of a TPM: its state file, and the changes since that was written, in order. */
export interface Stored {
  readonly image: Bytes | undefined;
  readonly deltas: readonly Bytes[];
}

/**
 * Where TPMs keep what must survive a power cut: byte strings of which the store knows no more than their order. One store
 * serves any number of TPMs, and belongs to this process from when it is opened until it is closed.
 */
export interface Store {
  /** Where the state of a TPM is, for messages. */
  locate(tpm: string): string;
  /** What is stored of a TPM; nothing for one that does not exist yet. Called before anything of that TPM is appended. */
  load(tpm: string): Promise<Stored>;
  /**
   * Makes the records of any number of TPMs durable with one acknowledgement: in the same call, or what is returned resolves.
   * When that rejects, none of them is stored, and a later call may succeed. Never throws.
   */
  append(records: readonly StoreRecord[]): Pending;
  /** The volatile state somebody has asked to keep, if any. */
  readVolatile(tpm: string): Promise<Bytes | undefined>;
  /** Keeps volatile state, or forgets what is kept; durable when it resolves. */
  writeVolatile(tpm: string, bytes: Bytes | undefined): Promise<void>;
  /** The orderly end: what is stored is brought into its final form and given up to the next owner. */
  close(): Promise<void>;
}
