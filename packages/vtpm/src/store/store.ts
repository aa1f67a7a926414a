import type { Change } from "@vtpm/tpm2";
import type { Bytes } from "@vtpm/wire";

/** The durable state of one TPM: byte strings under short ASCII keys. */
export type Entries = ReadonlyMap<string, Bytes>;

/** What one command of one TPM changes durably; all of it or nothing. */
export interface StoreRecord {
  /** The TPM's name in the store. */
  readonly tpm: string;
  readonly changes: readonly Change[];
}

/** Where TPMs keep what must survive a power cut. One store serves any number of TPMs. */
export interface Store {
  /** Where the state of a TPM is, for messages. */
  locate(tpm: string): string;
  /** What is stored of a TPM; empty for one that does not exist yet. */
  load(tpm: string): Promise<Entries>;
  /**
   * Makes the records of any number of TPMs durable with one acknowledgement. When it rejects, none of them is stored,
   * and a later call may succeed.
   */
  append(records: readonly StoreRecord[]): Promise<void>;
  /** The orderly end: what is stored is brought into its final form and given up to the next owner. */
  close(): Promise<void>;
}

/** Brings entries to the state after `changes`. */
export function applyChanges(entries: Map<string, Bytes>, changes: readonly Change[]): void {
  for (const { key, value } of changes) {
    if (value === undefined) entries.delete(key);
    else entries.set(key, value);
  }
}
