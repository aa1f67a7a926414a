import { type Bytes, equalBytes } from "@vtpm/wire";
import { digestOf, NO_FILE } from "./digest.ts";
import type { Directory } from "./directory.ts";
import { DamagedJournal, decodeJournal, type JournalEntry, type JournalRecord } from "./journal-format.ts";
import { journalNumber, stateFileName, tpmOfStateFile } from "./names.ts";
import { decodeStateFile, NotAStateFile } from "./state-file.ts";
import { applyChanges } from "./store.ts";
import { StoreError } from "./store-error.ts";

/** What a directory holds of one TPM. */
export interface RecoveredTpm {
  readonly entries: Map<string, Bytes>;
  /** Digest of its state file, `NO_FILE` if there is none. */
  readonly fileDigest: Bytes;
  /** Whether the journal says more than the state file. */
  readonly ahead: boolean;
}

export interface Recovery {
  readonly tpms: Map<string, RecoveredTpm>;
  /** Journal files, the oldest first. */
  readonly journals: readonly string[];
  readonly nextSequence: bigint;
}

/** Reads a directory without changing anything in it. Rejects with `STATE_DAMAGED` for anything but complete state. */
export async function recover(directory: Directory): Promise<Recovery> {
  const names = await directory.list();
  const journals = names
    .filter((name) => journalNumber(name) !== undefined)
    .sort((a, b) => (journalNumber(a) ?? 0) - (journalNumber(b) ?? 0));
  const records = await readJournals(directory, journals);

  const entriesByTpm = new Map<string, JournalEntry[]>();
  for (const name of names) {
    const tpm = tpmOfStateFile(name);
    if (tpm !== undefined) entriesByTpm.set(tpm, []);
  }
  for (const { entries } of records) {
    for (const entry of entries) {
      const known = entriesByTpm.get(entry.tpm);
      if (known === undefined) entriesByTpm.set(entry.tpm, [entry]);
      else known.push(entry);
    }
  }

  const tpms = new Map<string, RecoveredTpm>();
  for (const [tpm, journal] of entriesByTpm) tpms.set(tpm, await recoverTpm(directory, tpm, journal));
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

async function recoverTpm(directory: Directory, tpm: string, journal: readonly JournalEntry[]): Promise<RecoveredTpm> {
  const name = stateFileName(tpm);
  const file = await directory.read(name);
  const fileDigest = file === undefined ? NO_FILE : digestOf(file);
  const entries = file === undefined ? new Map<string, Bytes>() : decode(directory, name, file);
  if (journal.length === 0) return { entries, fileDigest, ahead: false };

  const start = journal.map(({ base }) => base !== undefined && equalBytes(base, fileDigest)).lastIndexOf(true);
  if (start < 0) {
    const what = file === undefined ? "is missing" : "was replaced";
    const remedy = "put back the state file, or move the journal files away to go on without their changes";
    throw damaged(directory, name, `${what}, and the journal beside it has changes to another one: ${remedy}`);
  }
  let ahead = false;
  for (const { changes } of journal.slice(start)) {
    applyChanges(entries, changes);
    ahead ||= changes.length > 0;
  }
  return { entries, fileDigest, ahead };
}

function decode(directory: Directory, name: string, file: Bytes): Map<string, Bytes> {
  try {
    return decodeStateFile(file);
  } catch (error) {
    if (error instanceof NotAStateFile) throw damaged(directory, name, error.message, error);
    throw error;
  }
}

function damaged(directory: Directory, name: string, reason: string, cause?: unknown): StoreError {
  return new StoreError("STATE_DAMAGED", `${directory.path}/${name} ${reason}`, { cause });
}
