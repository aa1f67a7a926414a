import { encodeLinearHeader, LINEAR_SECTION, type LinearSections } from "@vtpm/state";
import type { Bytes } from "@vtpm/wire";
import { digestOf } from "./digest.ts";
import { Lane } from "./lane.ts";
import type { LinearFile } from "./linear-file.ts";
import { LinearJournal } from "./linear-journal.ts";
import {
  endOf,
  findPlace,
  JOURNAL_SECTION,
  sectionSizeFor,
  unitsFor,
  withoutGaps,
  withSection,
} from "./linear-layout.ts";
import { FIRST_STATE, type LinearRecovery, readSection, recoverLinear } from "./linear-recovery.ts";
import type { Store, Stored, StoreRecord } from "./store.ts";
import { StoreError } from "./store-error.ts";

/** Milliseconds from a change to its being in the permanent state's section. */
const FOLD_DELAY_MS = 500;
/** Bytes for a journal, the best first: a small device has room for less. */
const JOURNAL_SIZES = [0x10000, 0x4000, 0x1000];

export interface LinearStoreOptions {
  /** Whether folding is left to calls of `fold`; otherwise it happens by itself. */
  readonly foldByHand?: boolean | undefined;
  /** Whether what the journal says is left out, which is then lost with the next change. */
  readonly ignoreJournal?: boolean | undefined;
  /** Told of a fold that failed: nothing is lost, and it is tried again. */
  readonly onFoldFailure?: ((error: unknown) => void) | undefined;
}

/**
 * Keeps one TPM in a file or block device with swtpm's layout: a header that says where the sections are.
 *
 * Nothing that the header names is ever overwritten. A new permanent state is written where there is room, together with an
 * empty journal behind it; then the header is rewritten, in one sector, to name both in place of the old ones. Between two
 * such moments changes are appended to the journal. A power cut finds the old header or the new one, and with either a complete
 * state and the journal that continues it.
 */
export class LinearStore implements Store {
  readonly #file: LinearFile;
  readonly #options: LinearStoreOptions;
  /** Orders everything that writes. */
  readonly #writes = new Lane();
  #sections: LinearSections;
  #found: Stored;
  #tpm: string | undefined;
  /** Absent until the first state of this process is written: a journal that was found is read, but not continued. */
  #journal: LinearJournal | undefined;
  /** How the permanent state is made. Absent as long as nobody has appended anything. */
  #image: (() => Bytes) | undefined;
  /** Whether the journal says more than the permanent state. */
  #ahead: boolean;
  /** Whether the header in the file may be another one than `#sections` says. */
  #headerUncertain = false;
  #foldTimer: NodeJS.Timeout | undefined;
  #closed = false;

  private constructor(file: LinearFile, { sections, image, deltas }: LinearRecovery, options: LinearStoreOptions) {
    this.#file = file;
    this.#options = options;
    this.#sections = sections;
    this.#found = { image, deltas };
    this.#ahead = deltas.length > 0;
  }

  /** Opens a store that nobody else uses. Rejects with a `StoreError`; what is in it is left untouched. */
  static async open(file: LinearFile, options: LinearStoreOptions = {}): Promise<LinearStore> {
    return new LinearStore(file, await recoverLinear(file, options.ignoreJournal), options);
  }

  locate(_tpm: string): string {
    return this.#file.path;
  }

  async load(tpm: string): Promise<Stored> {
    this.#own(tpm);
    return this.#image === undefined ? this.#found : { image: this.#image(), deltas: [] };
  }

  append(records: readonly StoreRecord[]): Promise<void> {
    return this.#write(async () => {
      for (const { tpm } of records) this.#own(tpm);
      const last = records.at(-1);
      if (last === undefined) return;
      const deltas = records.map(({ delta }) => delta).filter((delta) => delta.length > 0);
      if (deltas.length > 0) {
        const appended = (await this.#journal?.append(deltas)) ?? false;
        if (appended) this.#ahead = true;
        else await this.#writeImage(last.image());
      }
      this.#image = last.image;
      if (this.#ahead) this.#foldSoon();
    });
  }

  async readVolatile(tpm: string): Promise<Bytes | undefined> {
    this.#own(tpm);
    const section = this.#sections.get(LINEAR_SECTION.volatilestate);
    return section === undefined ? undefined : readSection(this.#file, section, "the volatile state");
  }

  writeVolatile(tpm: string, bytes: Bytes | undefined): Promise<void> {
    return this.#write(async () => {
      this.#own(tpm);
      const number = LINEAR_SECTION.volatilestate;
      if (bytes === undefined) {
        if (this.#sections.has(number)) await this.#commit(withSection(this.#sections, number, undefined));
        return;
      }
      const size = unitsFor(sectionSizeFor(bytes.length));
      const offset = this.#placeFor(size) ?? this.#refuse(size);
      this.#file.write(padded(bytes, size), offset);
      await this.#commit(withSection(this.#sections, number, { offset, dataSize: bytes.length, size }));
    });
  }

  /** Brings the permanent state up to date. When it rejects, nothing is lost. */
  fold(): Promise<void> {
    clearTimeout(this.#foldTimer);
    this.#foldTimer = undefined;
    return this.#write(() => this.#fold());
  }

  async close(): Promise<void> {
    try {
      await this.#write(async () => {
        await this.#fold();
        if (!this.#ahead && this.#sections.has(LINEAR_SECTION.permall)) await this.#tidy();
      });
    } finally {
      this.#closed = true;
      clearTimeout(this.#foldTimer);
      await this.#file.close();
    }
  }

  #own(tpm: string): void {
    this.#tpm ??= tpm;
    if (this.#tpm !== tpm) throw new RangeError(`a linear store keeps one TPM: ${this.#tpm}, not ${tpm} too`);
  }

  /** Runs something that writes, after all before it, and after what a failure of those has left uncertain has been cleared up. */
  #write(action: () => Promise<void>): Promise<void> {
    return this.#writes.run(async () => {
      if (this.#closed) throw new StoreError("STATE_WRITE", `${this.#file.path} is closed`);
      if (this.#headerUncertain) await this.#writeHeader(this.#sections);
      await this.#journal?.settle();
      await action();
    });
  }

  #foldSoon(): void {
    if (this.#options.foldByHand === true || this.#closed || this.#foldTimer !== undefined) return;
    this.#foldTimer = setTimeout(() => {
      this.fold().catch((error: unknown) => {
        this.#options.onFoldFailure?.(error);
        this.#foldSoon();
      });
    }, FOLD_DELAY_MS);
    // A process that wants to end need not wait: the journal has everything.
    this.#foldTimer.unref();
  }

  async #fold(): Promise<void> {
    if (this.#ahead && this.#image !== undefined) await this.#writeImage(this.#image());
  }

  /** Writes a permanent state and an empty journal behind it, and makes them those that count. */
  async #writeImage(image: Bytes): Promise<void> {
    // From here on what lies behind the header of a new store is no lost state.
    const isFirst = !this.#sections.has(LINEAR_SECTION.permall) && !this.#sections.has(JOURNAL_SECTION);
    if (isFirst) await this.#commit(withSection(this.#sections, JOURNAL_SECTION, FIRST_STATE));
    const size = unitsFor(sectionSizeFor(image.length));
    const journalSize = JOURNAL_SIZES.find((bytes) => this.#placeFor(size + bytes) !== undefined) ?? this.#refuse(size);
    const offset = this.#placeFor(size + journalSize) ?? this.#refuse(size);
    const journal = new LinearJournal(this.#file, offset + size, journalSize, digestOf(image));
    this.#file.write(padded(image, size), offset);
    this.#file.write(journal.blank(), offset + size);
    const sections = withSection(this.#sections, LINEAR_SECTION.permall, { offset, dataSize: image.length, size });
    const place = { offset: offset + size, dataSize: journalSize, size: journalSize };
    await this.#commit(withSection(sections, JOURNAL_SECTION, place));
    this.#journal = journal;
    this.#ahead = false;
  }

  #placeFor(size: number): number | undefined {
    const { extent } = this.#file;
    return findPlace(this.#sections, size, extent.fixed ? extent.size : undefined);
  }

  #refuse(size: number): never {
    throw new StoreError(
      "STATE_WRITE",
      `cannot write ${this.#file.path}: there is no room for another ${size} bytes and a journal beside what is in use; make the ` +
        "device larger",
    );
  }

  /** Makes what has been written durable, and then these the sections that count. When it rejects, the present ones do. */
  async #commit(sections: LinearSections): Promise<void> {
    await this.#file.sync();
    const next = withoutGaps(sections);
    this.#headerUncertain = true;
    await this.#writeHeader(next);
    this.#sections = next;
  }

  async #writeHeader(sections: LinearSections): Promise<void> {
    this.#file.write(encodeLinearHeader(sections), 0);
    await this.#file.sync();
    this.#headerUncertain = false;
  }

  /** Takes out what is ours and cuts off what is free at the end: what is left is a store as swtpm leaves it. */
  async #tidy(): Promise<void> {
    if (!this.#sections.has(JOURNAL_SECTION)) return;
    await this.#commit(withSection(this.#sections, JOURNAL_SECTION, undefined));
    this.#journal = undefined;
    const { size, fixed } = this.#file.extent;
    const end = endOf(this.#sections);
    if (fixed || size <= end) return;
    await this.#file.truncate(end);
    await this.#file.sync();
  }
}

function padded(bytes: Bytes, size: number): Bytes {
  const whole = new Uint8Array(size);
  whole.set(bytes);
  return whole;
}
