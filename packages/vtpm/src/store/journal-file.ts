import type { Bytes } from "@vtpm/wire";
import type { Directory, DirectoryFile } from "./directory.ts";
import { createSalt, encodeFileHeader, encodeJournalRecord, type JournalRecord } from "./journal-format.ts";
import { after, type Pending } from "./pending.ts";

/**
 * Bytes of zeros that are kept behind the last record. Where the file need not grow, an append costs the disk one write
 * instead of two; what follows the last record is no record anyway.
 */
const ROOM = 0x10000;

/** A journal file being written: a record is in it whole and durable, or not at all. */
export class JournalFile {
  readonly name: string;
  readonly #file: DirectoryFile;
  readonly #salt: Bytes;
  #size: number;
  /** Bytes that the file really has, room included. */
  #reserved: number;
  /** Whether something of a record that was refused may stand behind `#size`. */
  #unclean = false;

  private constructor(name: string, file: DirectoryFile, salt: Bytes, size: number) {
    this.name = name;
    this.#file = file;
    this.#salt = salt;
    this.#size = size;
    this.#reserved = size;
  }

  /** Creates the file with its header, durably: a record never stands in a file that a power cut may take away. */
  static async create(directory: Directory, name: string): Promise<JournalFile> {
    const file = await directory.create(name);
    try {
      const salt = createSalt();
      const header = encodeFileHeader(salt);
      file.write(header, 0);
      await file.sync();
      const journal = new JournalFile(name, file, salt, header.length);
      try {
        journal.#makeRoom(ROOM);
      } catch {
        await file.truncate(header.length); // as for a record below
      }
      await file.sync();
      await directory.sync();
      return journal;
    } catch (error) {
      await file.close();
      throw error; // without a record the file means nothing and may stay
    }
  }

  /** Bytes in the file. */
  get size(): number {
    return this.#size;
  }

  /** Makes the record durable. When that rejects, the file is as before, or is made so before the next append. */
  append(record: JournalRecord): Pending {
    return this.#unclean ? this.#settle().then(() => this.#write(record)) : this.#write(record);
  }

  #write(record: JournalRecord): Pending {
    const bytes = encodeJournalRecord(this.#salt, record);
    // Until it is known to be in the file: whatever stops it here leaves something behind.
    this.#unclean = true;
    try {
      this.#makeRoom(bytes.length);
    } catch {
      // Room is for speed alone: the record may fit without. What was taken is given back, for state files need it.
      return this.#settle().then(() => this.#put(bytes));
    }
    return this.#put(bytes);
  }

  #put(bytes: Bytes): Pending {
    this.#unclean = true;
    try {
      this.#file.write(bytes, this.#size);
    } catch (error) {
      return this.#giveUp(error);
    }
    const written = after(this.#file.syncUrgently(), () => {
      this.#unclean = false;
      this.#size += bytes.length;
      this.#reserved = Math.max(this.#reserved, this.#size);
    });
    return written?.catch((error: unknown) => this.#giveUp(error));
  }

  /** Rejects with `error`, when what it has left behind is cut off; if that fails too, the next append begins with it. */
  async #giveUp(error: unknown): Promise<never> {
    await this.#settle().catch(() => {});
    throw error;
  }

  /** Cuts off what a failed append may have left behind. */
  async #settle(): Promise<void> {
    if (!this.#unclean) return;
    await this.#file.truncate(this.#size);
    this.#reserved = this.#size;
    await this.#file.sync();
    this.#unclean = false;
  }

  /** Sees to it that `size` bytes fit; if it has to do anything for that, more than that do. */
  #makeRoom(size: number): void {
    if (this.#size + size <= this.#reserved) return;
    const reserved = this.#size + size + ROOM;
    this.#file.write(new Uint8Array(reserved - this.#reserved), this.#reserved);
    this.#reserved = reserved;
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}
