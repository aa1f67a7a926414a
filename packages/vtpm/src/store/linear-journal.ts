import { type Bytes, concatBytes } from "@vtpm/wire";
import { createSalt, encodeFileHeader, encodeJournalRecord } from "./journal-format.ts";
import type { LinearFile } from "./linear-file.ts";

/** The one TPM of a linear store, in the journal's records. */
const TPM = "linear";

/** A journal at a fixed place of a linear store. Like a journal file it starts with the digest of the state that it continues. */
export class LinearJournal {
  readonly #file: LinearFile;
  readonly #place: number;
  readonly #size: number;
  readonly #salt = createSalt();
  #used: number;
  #sequence = 1n;
  /** Bytes behind the last record that a record which was refused may have left. */
  #unclean = 0;
  readonly #start: Bytes;

  constructor(file: LinearFile, place: number, size: number, base: Bytes) {
    this.#file = file;
    this.#place = place;
    this.#size = size;
    const first = encodeJournalRecord(this.#salt, { sequence: 0n, entries: [{ tpm: TPM, base, deltas: [] }] });
    this.#start = concatBytes(encodeFileHeader(this.#salt), first);
    this.#used = this.#start.length;
  }

  /** All of it as it begins: with zeros to the end, so that nothing an earlier journal has left there is taken for a part of it. */
  blank(): Bytes {
    const bytes = new Uint8Array(this.#size);
    bytes.set(this.#start);
    return bytes;
  }

  /** Makes the changes durable, and says so; or does nothing if there is no room for them. When it rejects, nothing is stored. */
  async append(deltas: readonly Bytes[]): Promise<boolean> {
    const entries = [{ tpm: TPM, base: undefined, deltas }];
    const record = encodeJournalRecord(this.#salt, { sequence: this.#sequence, entries });
    if (this.#used + record.length > this.#size) return false;
    this.#unclean = record.length;
    this.#file.write(record, this.#place + this.#used);
    await this.#file.syncUrgently();
    this.#unclean = 0;
    this.#used += record.length;
    this.#sequence++;
    return true;
  }

  /** Wipes out what a failed append may have left behind. */
  async settle(): Promise<void> {
    if (this.#unclean === 0) return;
    this.#file.write(new Uint8Array(this.#unclean), this.#place + this.#used);
    await this.#file.sync();
    this.#unclean = 0;
  }
}
