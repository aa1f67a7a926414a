import type { Bytes } from "@vtpm/wire";
import { digestOf, NO_FILE } from "./digest.ts";
import type { Directory } from "./directory.ts";
import { JournalFile } from "./journal-file.ts";
import type { JournalEntry } from "./journal-format.ts";
import { Lane } from "./lane.ts";
import { isTpmName, journalName, journalNumber, newStateFileName, stateFileName } from "./names.ts";
import { type Recovery, recover } from "./recovery.ts";
import { encodeStateFile } from "./state-file.ts";
import { applyChanges, type Entries, type Store, type StoreRecord } from "./store.ts";
import { StoreError } from "./store-error.ts";

/** Milliseconds from a change to its being in the state file; with the time a fold takes, below the promised second. */
const FOLD_DELAY_MS = 500;
/** Bytes of journal from which on a fold begins a new one. */
const JOURNAL_LIMIT = 0x40000;

export interface DirectoryStoreOptions {
  /** Whether folding is left to calls of `fold`; otherwise it happens by itself. */
  readonly foldByHand?: boolean;
  /** Told of a fold that failed: nothing is lost, the journal keeps growing, and it is tried again. */
  readonly onFoldFailure?: (error: unknown) => void;
}

interface StoredTpm {
  readonly name: string;
  readonly entries: Map<string, Bytes>;
  /** Digest of the state file, or of the one that is being written to replace it. */
  fileDigest: Bytes;
  /** Whether the journal says more than that file. */
  ahead: boolean;
}

/** A state file that is to replace the one of a TPM. */
interface NewStateFile {
  readonly stored: StoredTpm;
  readonly content: Bytes;
  readonly digest: Bytes;
}

/**
 * Keeps TPMs in a directory: a state file each, and a journal for all of them in front of it. A change is appended to the
 * journal and acknowledged when that is durable; later it is folded into the state file.
 *
 * Every journal entry of a TPM whose state file is complete says which file that is (`base`). So a new state file replaces
 * the old one at whatever moment the power goes: the file that is found says from which entry on the journal counts.
 */
export class DirectoryStore implements Store {
  readonly #directory: Directory;
  readonly #options: DirectoryStoreOptions;
  readonly #tpms = new Map<string, StoredTpm>();
  /** Orders everything that writes to the journal. */
  readonly #appends = new Lane();
  readonly #folds = new Lane();
  /** Journal files that are complete; removed by the first fold that takes in everything. */
  #oldJournals: readonly string[];
  #journal: JournalFile | undefined;
  #nextJournal: number;
  #nextSequence: bigint;
  #foldTimer: NodeJS.Timeout | undefined;
  #closed = false;

  private constructor(directory: Directory, recovery: Recovery, options: DirectoryStoreOptions) {
    this.#directory = directory;
    this.#options = options;
    for (const [name, recovered] of recovery.tpms) this.#tpms.set(name, { name, ...recovered });
    this.#oldJournals = recovery.journals;
    this.#nextJournal = Math.max(0, ...recovery.journals.map((name) => journalNumber(name) ?? 0)) + 1;
    this.#nextSequence = recovery.nextSequence;
    if (recovery.journals.length > 0) this.#foldSoon(FOLD_DELAY_MS);
  }

  /** Opens a directory that nobody else uses. Rejects with a `StoreError`; what is in the directory is left untouched. */
  static async open(directory: Directory, options: DirectoryStoreOptions = {}): Promise<DirectoryStore> {
    return new DirectoryStore(directory, await recover(directory), options);
  }

  locate(tpm: string): string {
    return `${this.#directory.path}/${stateFileName(tpm)}`;
  }

  async load(tpm: string): Promise<Entries> {
    if (!isTpmName(tpm)) throw new RangeError(`a TPM cannot be called ${JSON.stringify(tpm)}`);
    return new Map(this.#tpms.get(tpm)?.entries);
  }

  append(records: readonly StoreRecord[]): Promise<void> {
    return this.#appends.run(async () => {
      if (this.#closed) throw new StoreError("STATE_WRITE", `${this.#directory.path} is closed`);
      const entries = records.map(({ tpm, changes }) => ({ tpm, changes, base: this.#baseOf(tpm) }));
      await this.#write(entries);
      for (const { tpm, changes } of records) {
        const stored = this.#tpms.get(tpm) ?? this.#addTpm(tpm);
        applyChanges(stored.entries, changes);
        stored.ahead = true;
        // A new TPM gets its state file at once.
        this.#foldSoon(stored.fileDigest === NO_FILE ? 0 : FOLD_DELAY_MS);
      }
    });
  }

  /** Brings all state files up to date. When it rejects, nothing is lost. */
  fold(): Promise<void> {
    clearTimeout(this.#foldTimer);
    this.#foldTimer = undefined;
    return this.#folds.run(() => this.#fold());
  }

  async close(): Promise<void> {
    try {
      await this.fold();
      await this.#appends.run(async () => {
        this.#closed = true;
        if (this.#isAhead() || this.#journal === undefined) return;
        // The state files alone say everything.
        await this.#directory.remove(this.#journal.name);
        await this.#directory.sync();
      });
    } finally {
      this.#closed = true;
      clearTimeout(this.#foldTimer);
      await this.#journal?.close();
      await this.#directory.close();
    }
  }

  /** What the next entry of a TPM says about the entries before it. */
  #baseOf(tpm: string): Bytes | undefined {
    const stored = this.#tpms.get(tpm);
    if (stored === undefined) return NO_FILE;
    return stored.ahead ? undefined : stored.fileDigest;
  }

  #addTpm(name: string): StoredTpm {
    const stored = { name, entries: new Map<string, Bytes>(), fileDigest: NO_FILE, ahead: false };
    this.#tpms.set(name, stored);
    return stored;
  }

  /** Sees to it that a fold happens within `delay` milliseconds. */
  #foldSoon(delay: number): void {
    if (this.#options.foldByHand === true || this.#closed || this.#foldTimer !== undefined) return;
    this.#foldTimer = setTimeout(() => {
      this.fold().catch((error: unknown) => {
        this.#options.onFoldFailure?.(error);
        this.#foldSoon(FOLD_DELAY_MS);
      });
    }, delay);
    // A process that wants to end need not wait: the journal has everything.
    this.#foldTimer.unref();
  }

  async #fold(): Promise<void> {
    if (this.#isAhead()) await this.#writeStateFiles(await this.#announceStateFiles());
    else if (this.#oldJournals.length === 0) return;
    await this.#directory.sync();
    // The oldest first, and each for good before the next, so that no gap can open between those that are left.
    for (const name of this.#oldJournals) {
      await this.#directory.remove(name);
      await this.#directory.sync();
    }
    this.#oldJournals = [];
  }

  #isAhead(): boolean {
    for (const { ahead } of this.#tpms.values()) if (ahead) return true;
    return false;
  }

  /**
   * Encodes the state files that are to be written, and names them in the journal as the base of whatever is appended from
   * now on; in a new journal if the present one has grown.
   */
  async #announceStateFiles(): Promise<readonly NewStateFile[]> {
    const grown = this.#journal !== undefined && this.#journal.size > JOURNAL_LIMIT;
    const next = grown ? await this.#createJournal() : undefined;
    return this.#appends.run(async () => {
      if (next !== undefined) await this.#continueIn(next);
      const files: NewStateFile[] = [];
      for (const stored of this.#tpms.values()) {
        if (!stored.ahead) continue;
        const content = encodeStateFile(stored.entries);
        files.push({ stored, content, digest: digestOf(content) });
      }
      await this.#write(files.map(({ stored, digest }) => ({ tpm: stored.name, base: digest, changes: [] })));
      for (const { stored, digest } of files) {
        stored.fileDigest = digest;
        stored.ahead = false;
      }
      return files;
    });
  }

  async #writeStateFiles(files: readonly NewStateFile[]): Promise<void> {
    const written = await Promise.allSettled(
      files.map(async ({ stored, content }) => {
        try {
          await this.#writeStateFile(stored.name, content);
        } catch (error) {
          stored.ahead = true;
          throw error;
        }
      }),
    );
    for (const result of written) if (result.status === "rejected") throw result.reason;
  }

  async #writeStateFile(tpm: string, content: Bytes): Promise<void> {
    const name = newStateFileName(tpm);
    await this.#directory.remove(name); // what a fold that was cut short has left
    const file = await this.#directory.create(name);
    try {
      await file.write(content, 0);
      await file.sync();
    } finally {
      await file.close();
    }
    await this.#directory.rename(name, stateFileName(tpm));
  }

  /** Makes `next` the journal. The present one must end cleanly first, since nothing is cut off it later. */
  async #continueIn(next: JournalFile): Promise<void> {
    const journal = this.#journal;
    if (journal !== undefined) {
      try {
        await journal.settle();
      } catch (error) {
        await next.close(); // without a record it means nothing and may stay
        throw error;
      }
      this.#oldJournals = [...this.#oldJournals, journal.name];
      await journal.close();
    }
    this.#journal = next;
  }

  /** Appends one record, all of it durable, or none of it. */
  async #write(entries: readonly JournalEntry[]): Promise<void> {
    this.#journal ??= await this.#createJournal();
    await this.#journal.append({ sequence: this.#nextSequence, entries });
    this.#nextSequence++;
  }

  #createJournal(): Promise<JournalFile> {
    return JournalFile.create(this.#directory, journalName(this.#nextJournal++));
  }
}
