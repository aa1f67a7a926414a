import { type Bytes, equalBytes } from "@vtpm/wire";
import { digestOf, NO_FILE } from "./digest.ts";
import type { Directory } from "./directory.ts";
import { DamagedJournal, decodeJournal, type JournalEntry, type JournalRecord } from "./journal-format.ts";
import { journalNumber, stateFileName } from "./names.ts";
import { StoreError } from "./store-error.ts";

/** What the journal says of a TPM beyond its state file. */
export interface RecoveredTpm {
  /** Digest of its state file, `NO_FILE` if there is none. */
  readonly fileDigest: Bytes;
  /** The changes since that was written; none if it is up to date. */
  readonly deltas: readonly Bytes[];
}

export interface Recovery {
  /** The TPMs that the journal mentions. */
  readonly tpms: ReadonlyMap<string, RecoveredTpm>;
  /** Journal files, the oldest first. */
  readonly journals: readonly string[];
  readonly nextSequence: bigint;
}

/** Reads the journal of a directory without changing anything. Rejects with `STATE_DAMAGED` for anything but a complete one. */
export async function recover(directory: Directory): Promise<Recovery> {
  const names = await directory.list();
  const journals = names
    .filter((name) => journalNumber(name) !== undefined)
    .sort((a, b) => (journalNumber(a) ?? 0) - (journalNumber(b) ?? 0));
  const records = await readJournals(directory, journals);

  const entriesByTpm = new Map<string, JournalEntry[]>();
  for (const { entries } of records) {
    for (const entry of entries) {
      const known = entriesByTpm.get(entry.tpm);
      if (known === undefined) entriesByTpm.set(entry.tpm, [entry]);
      else known.push(entry);
    }
  }
  const tpms = new Map<string, RecoveredTpm>();
  for (const [tpm, entries] of entriesByTpm) tpms.set(tpm, await recoverTpm(directory, tpm, entries, journals));
  const last = records.at(-1);
  return { tpms, journals, nextSequence: last === undefined ? 0n : last.sequence + 1n };
}

/** All records in order; none may be missing between two others. */
async function readJournals(directory: Directory, names: readonly string[]): Promise<JournalRecord[]> {
  const records: JournalRecord[] = [];
  for (const name of names) {
    const file = (await directory.read(name)) ?? new Uint8Array(0);
    let found: JournalRecord[];
    try {
      found = decodeJournal(file);
    } catch (error) {
      if (error instanceof DamagedJournal) throw damaged(directory, name, error.message, error);
      throw error;
    }
    for (const record of found) {
      const before = records.at(-1);
      if (before !== undefined && record.sequence !== before.sequence + 1n) {
        const missing = before.sequence + 1n;
        throw damaged(directory, name, `does not continue the journal before it: record ${missing} is missing`);
      }
      records.push(record);
    }
  }
  return records;
}

async function recoverTpm(
  directory: Directory,
  tpm: string,
  entries: readonly JournalEntry[],
  journals: readonly string[],
): Promise<RecoveredTpm> {
  const name = stateFileName(tpm);
  const file = await directory.read(name);
  const fileDigest = file === undefined ? NO_FILE : digestOf(file);
  const start = entries.map(({ base }) => base !== undefined && equalBytes(base, fileDigest)).lastIndexOf(true);
  const isAnnouncement = entries.every(({ deltas }) => deltas.length === 0);
  if (start < 0 && isAnnouncement) return { fileDigest, deltas: [] }; // a file written, and used by another program since
  if (start < 0) {
    const what = file === undefined ? "is missing" : "was changed or replaced by another program";
    throw damaged(
      directory,
      name,
      `${what}, and the journal beside it (${journals.join(", ")}) has changes to the one before: put that one back, or ` +
        "move the journal away to go on without those changes",
    );
  }
  return { fileDigest, deltas: entries.slice(start).flatMap(({ deltas }) => deltas) };
}

function damaged(directory: Directory, name: string, reason: string, cause?: unknown): StoreError {
  return new StoreError("STATE_DAMAGED", `${directory.path}/${name} ${reason}`, { cause });
}
