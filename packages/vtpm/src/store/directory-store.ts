import { type Bytes, equalBytes } from "@vtpm/wire";
import { digestOf, NO_FILE } from "./digest.ts";
import type { Directory } from "./directory.ts";
import { JournalFile } from "./journal-file.ts";
import type { JournalEntry } from "./journal-format.ts";
import { Lane } from "./lane.ts";
import {
  backupFileName,
  isTpmName,
  journalName,
  journalNumber,
  stateFileName,
  temporaryFileName,
  volatileFileName,
} from "./names.ts";
import { after, type Pending } from "./pending.ts";
import { type Recovery, recover } from "./recovery.ts";
import type { Store, Stored, StoreRecord } from "./store.ts";
import { StoreError } from "./store-error.ts";

/** Milliseconds from a change to its being in the state file; with the time a fold takes, below the promised second. */
const FOLD_DELAY_MS = 500;
/** Milliseconds after which a fold that keeps failing is tried again, at most. */
const MAX_RETRY_MS = 30_000;
/** State files written at the same time: few threads wait for the disk, and whoever appends needs one of them. */
const FILES_AT_ONCE = 2;
/** Bytes of journal from which on a fold begins a new one even though the last fold has failed. */
const JOURNAL_LIMIT = 0x40000;

export interface DirectoryStoreOptions {
  /** Whether folding is left to calls of `fold`; otherwise it happens by itself. */
  readonly foldByHand?: boolean | undefined;
  /** Whether the state file before the present one is kept beside it, as swtpm's option of this name does. */
  readonly backup?: boolean | undefined;
  /** Told of a fold that failed: nothing is lost, the journal keeps growing, and it is tried again. */
  readonly onFoldFailure?: ((error: unknown) => void) | undefined;
}

interface StoredTpm {
  readonly name: string;
  /** Digest of the state file, or of the one that is being written to replace it. */
  fileDigest: Bytes;
  /** Whether the journal says more than that file. */
  ahead: boolean;
  /** How the state file is made. Absent as long as nobody in this process has opened the TPM. */
  image: (() => Bytes) | undefined;
  /** As long as `image` is absent: what the journal says more than the file. */
  deltas: readonly Bytes[];
}

/** A state file that is to replace the one of a TPM. */
interface NewStateFile {
  readonly stored: StoredTpm;
  readonly content: Bytes;
  readonly digest: Bytes;
}

/**
 * Keeps TPMs in a directory: a state file each, and a journal for all of them beside it. A change is appended to the journal
 * and acknowledged when that is durable; later it is folded into the state file.
 *
 * Every journal entry of a TPM whose state file is complete says which file that is (`base`). So a new state file replaces
 * the old one at whatever moment the power goes: the file that is found says from which entry on the journal counts. While
 * nothing is to be folded the journal is empty, so that another program may use the state files even of a process that was
 * killed.
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
  /** The one that comes after it, ready and empty. */
  #spare: JournalFile | undefined;
  #nextJournal: number;
  #nextSequence: bigint;
  #foldTimer: NodeJS.Timeout | undefined;
  /** Folds that have failed since the last good one. */
  #failures = 0;
  #closed = false;

  private constructor(directory: Directory, recovery: Recovery, options: DirectoryStoreOptions) {
    this.#directory = directory;
    this.#options = options;
    for (const [name, { fileDigest, deltas }] of recovery.tpms) {
      this.#tpms.set(name, { name, fileDigest, deltas, ahead: deltas.length > 0, image: undefined });
    }
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

  async load(tpm: string): Promise<Stored> {
    if (!isTpmName(tpm)) throw new RangeError(`a TPM cannot be called ${JSON.stringify(tpm)}`);
    const image = (await this.#directory.read(stateFileName(tpm))) ?? (await this.#takeBackup(tpm));
    const fileDigest = image === undefined ? NO_FILE : digestOf(image);
    let stored = this.#tpms.get(tpm);
    if (stored === undefined) {
      stored = { name: tpm, fileDigest, deltas: [], ahead: false, image: undefined };
      this.#tpms.set(tpm, stored);
    }
    if (stored.image !== undefined) {
      throw new StoreError("STATE_LOCKED", `${this.locate(tpm)} is in use by this process already`);
    }
    if (!equalBytes(stored.fileDigest, fileDigest)) {
      throw new StoreError("STATE_DAMAGED", `${this.locate(tpm)} was changed by somebody who ignores the lock`);
    }
    return { image, deltas: stored.deltas };
  }

  append(records: readonly StoreRecord[]): Pending {
    return this.#appends.runNow(() => {
      if (this.#closed) throw new StoreError("STATE_WRITE", `${this.#directory.path} is closed`);
      const changed = new Map<StoredTpm, Bytes[]>();
      for (const { tpm, delta } of records) {
        const stored = this.#loaded(tpm);
        if (delta.length > 0) changed.set(stored, [...(changed.get(stored) ?? []), delta]);
      }
      const entries = Array.from(changed, ([stored, deltas]) => ({ tpm: stored.name, base: baseOf(stored), deltas }));
      return after(entries.length === 0 ? undefined : this.#write(entries), () => {
        for (const { tpm, image } of records) {
          const stored = this.#loaded(tpm);
          stored.image = image;
          stored.deltas = [];
          stored.ahead ||= changed.has(stored);
          // A new TPM gets its state file at once.
          if (stored.ahead) this.#foldSoon(stored.fileDigest === NO_FILE ? 0 : FOLD_DELAY_MS);
        }
      });
    });
  }

  readVolatile(tpm: string): Promise<Bytes | undefined> {
    return this.#directory.read(volatileFileName(tpm));
  }

  async writeVolatile(tpm: string, bytes: Bytes | undefined): Promise<void> {
    const name = volatileFileName(tpm);
    if (bytes === undefined) await this.#directory.remove(name);
    else await this.#replaceFile(name, bytes);
    await this.#directory.sync();
  }

  /** Brings all state files up to date. When it rejects, nothing is lost. */
  fold(): Promise<void> {
    clearTimeout(this.#foldTimer);
    this.#foldTimer = undefined;
    return this.#folds.run(async () => {
      this.#failures++;
      await this.#fold();
      this.#failures = 0;
    });
  }

  async close(): Promise<void> {
    try {
      await this.fold();
      await this.#appends.run(async () => {
        this.#closed = true;
        // Where the state files alone say everything.
        const needless = this.#isAhead() ? [this.#spare] : [this.#journal, this.#spare];
        for (const journal of needless) if (journal !== undefined) await this.#directory.remove(journal.name);
        await this.#directory.sync();
      });
    } finally {
      this.#closed = true;
      clearTimeout(this.#foldTimer);
      await this.#journal?.close();
      await this.#spare?.close();
      await this.#directory.close();
    }
  }

  /**
   * The backup in place of a state file that is missing: swtpm moves the file away and writes another one, so that one that
   * was stopped in between leaves this. Without the option nobody may believe that there is no TPM.
   */
  async #takeBackup(tpm: string): Promise<Bytes | undefined> {
    // A TPM whose first state file is still to be written.
    if (this.#tpms.get(tpm)?.ahead === true) return undefined;
    const name = backupFileName(tpm);
    const backup = await this.#directory.read(name);
    if (backup === undefined) return undefined;
    if (this.#options.backup !== true) {
      throw new StoreError(
        "STATE_DAMAGED",
        `${this.locate(tpm)} is missing, but ${name} is there: ask for backup to go on from it, or move it away`,
      );
    }
    await this.#directory.rename(name, stateFileName(tpm));
    await this.#directory.sync();
    return backup;
  }

  #loaded(tpm: string): StoredTpm {
    const stored = this.#tpms.get(tpm);
    if (stored === undefined) throw new RangeError(`nobody has loaded ${JSON.stringify(tpm)}`);
    return stored;
  }

  /** Sees to it that a fold happens within `delay` milliseconds. */
  #foldSoon(delay: number): void {
    if (this.#options.foldByHand === true || this.#closed || this.#foldTimer !== undefined) return;
    this.#foldTimer = setTimeout(() => {
      this.fold().catch((error: unknown) => {
        this.#options.onFoldFailure?.(error);
        this.#foldSoon(Math.min(FOLD_DELAY_MS * 2 ** this.#failures, MAX_RETRY_MS));
      });
    }, delay);
    // A process that wants to end need not wait: the journal has everything.
    this.#foldTimer.unref();
  }

  async #fold(): Promise<void> {
    if (this.#isAhead(isOpen)) {
      await this.#writeStateFiles(await this.#announceStateFiles());
    } else if (this.#oldJournals.length === 0 || this.#isAhead()) {
      return; // what only the journal says of TPMs that nobody has opened stays in it
    }
    await this.#directory.sync();
    // The oldest first, and each for good before the next, so that no gap can open between those that are left.
    for (const name of this.#oldJournals) {
      await this.#directory.remove(name);
      await this.#directory.sync();
      this.#oldJournals = this.#oldJournals.filter((old) => old !== name);
    }
  }

  #isAhead(condition: (stored: StoredTpm) => boolean = () => true): boolean {
    for (const stored of this.#tpms.values()) if (stored.ahead && condition(stored)) return true;
    return false;
  }

  /**
   * Encodes the state files that are to be written, and names them in the journal as the base of whatever is appended from
   * now on. That goes into a new journal, together with what the old one says of TPMs that nobody has opened.
   */
  async #announceStateFiles(): Promise<readonly NewStateFile[]> {
    // After a failure the old journals stay anyway: another one helps nobody, unless the present one has grown.
    const journal = await this.#appends.run(() => this.#presentJournal());
    const renewed = this.#failures === 1 || journal.size > JOURNAL_LIMIT;
    if (renewed) this.#spare ??= await this.#createJournal();
    return this.#appends.run(async () => {
      const files: NewStateFile[] = [];
      const others: JournalEntry[] = [];
      for (const stored of this.#tpms.values()) {
        if (!stored.ahead) continue;
        if (stored.image === undefined) {
          others.push({ tpm: stored.name, base: stored.fileDigest, deltas: stored.deltas });
        } else {
          const content = stored.image();
          files.push({ stored, content, digest: digestOf(content) });
        }
      }
      await this.#write(files.map(({ stored, digest }) => ({ tpm: stored.name, base: digest, deltas: [] })));
      if (renewed) await this.#renewJournal();
      if (others.length > 0) await this.#write(others);
      for (const { stored, digest } of files) {
        stored.fileDigest = digest;
        stored.ahead = false;
      }
      return files;
    });
  }

  async #writeStateFiles(files: readonly NewStateFile[]): Promise<void> {
    const failures: unknown[] = [];
    const waiting = files.values();
    const writeSome = async (): Promise<void> => {
      for (const { stored, content } of waiting) {
        try {
          await this.#writeStateFile(stored.name, content);
        } catch (error) {
          stored.ahead = true;
          failures.push(error);
        }
      }
    };
    await Promise.all(Array.from({ length: FILES_AT_ONCE }, writeSome));
    if (failures.length > 0) throw failures[0];
  }

  async #writeStateFile(tpm: string, content: Bytes): Promise<void> {
    const name = stateFileName(tpm);
    if (this.#options.backup === true) {
      const previous = await this.#directory.read(name);
      if (previous !== undefined) await this.#replaceFile(backupFileName(tpm), previous);
    }
    await this.#replaceFile(name, content);
  }

  /** The file has all of `content`, durably, before it gets its name; that itself is durable only with the next `sync`. */
  async #replaceFile(name: string, content: Bytes): Promise<void> {
    const temporary = temporaryFileName(name);
    await this.#directory.remove(temporary); // what was cut short
    const file = await this.#directory.create(temporary);
    try {
      file.write(content, 0);
      await file.sync();
    } finally {
      await file.close();
    }
    await this.#directory.rename(temporary, name);
  }

  /** Goes on in the next journal. The present one ends with a record that is durable: nothing is cut off it later. */
  async #renewJournal(): Promise<void> {
    const journal = await this.#presentJournal();
    this.#oldJournals = [...this.#oldJournals, journal.name];
    this.#journal = this.#spare;
    this.#spare = undefined;
    await journal.close();
  }

  /** Appends one record, all of it durable, or none of it. */
  #write(entries: readonly JournalEntry[]): Pending {
    if (this.#journal === undefined) return this.#presentJournal().then(() => this.#write(entries));
    return after(this.#journal.append({ sequence: this.#nextSequence, entries }), () => {
      this.#nextSequence++;
    });
  }

  async #presentJournal(): Promise<JournalFile> {
    this.#journal ??= await this.#createJournal();
    return this.#journal;
  }

  #createJournal(): Promise<JournalFile> {
    return JournalFile.create(this.#directory, journalName(this.#nextJournal++));
  }
}

/** What the next entry of a TPM says about the entries before it. */
function baseOf({ ahead, fileDigest }: StoredTpm): Bytes | undefined {
  return ahead ? undefined : fileDigest;
}

const isOpen = (stored: StoredTpm): boolean => stored.image !== undefined;
