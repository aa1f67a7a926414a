import {
  decodeLinearHeader,
  LINEAR_HEADER_SIZE,
  LINEAR_SECTION,
  LinearError,
  type LinearSection,
  type LinearSections,
} from "@vtpm/state";
import { type Bytes, equalBytes } from "@vtpm/wire";
import { digestOf } from "./digest.ts";
import { DamagedJournal, decodeJournal } from "./journal-format.ts";
import type { LinearFile } from "./linear-file.ts";
import { JOURNAL_SECTION } from "./linear-layout.ts";
import type { Stored } from "./store.ts";
import { StoreError } from "./store-error.ts";

/** Larger than any state or journal: bytes. */
const MAX_SECTION_SIZE = 0x100_0000;
/** How far behind the header of an empty store a lost state is looked for. */
const SEARCHED_SIZE = 0x40_0000;
/** Version, least version and size of the header with which swtpm's envelopes begin. */
const ENVELOPE = Uint8Array.of(2, 1, 0, 10, 0);

/** A journal of no size marks a store that is about to get its first state: what lies behind the header means nothing yet. */
export const FIRST_STATE: LinearSection = { offset: LINEAR_HEADER_SIZE, dataSize: 0, size: 0 };

export interface LinearRecovery extends Stored {
  readonly sections: LinearSections;
}

/** Reads a store without changing anything. Rejects with `STATE_DAMAGED` for anything but complete state, or none at all. */
export async function recoverLinear(file: LinearFile, ignoreJournal = false): Promise<LinearRecovery> {
  const { size, fixed } = file.extent;
  const head = await file.read(0, Math.min(size, LINEAR_HEADER_SIZE));
  // A device with nothing on it is one to begin with. A file was written by somebody, so it must have what they wrote.
  if (fixed && (await isBlank(file))) return { sections: new Map(), image: undefined, deltas: [] };
  let sections: LinearSections;
  try {
    sections = decodeLinearHeader(head, size);
  } catch (error) {
    if (!(error instanceof LinearError)) throw error;
    throw damaged(file, `is not a linear store that could be used: ${error.message}`, error);
  }
  const permall = sections.get(LINEAR_SECTION.permall);
  if (permall === undefined) {
    await assertEmpty(file, sections);
    return { sections, image: undefined, deltas: [] };
  }
  const image = await readSection(file, permall, "the permanent state");
  return { sections, image, deltas: ignoreJournal ? [] : await readJournal(file, sections, image) };
}

/** The data of a section. */
export async function readSection(file: LinearFile, { offset, dataSize }: LinearSection, what: string): Promise<Bytes> {
  if (dataSize > MAX_SECTION_SIZE) {
    throw damaged(file, `says that ${what} has ${dataSize} bytes, more than any has`);
  }
  return file.read(offset, dataSize);
}

async function readJournal(file: LinearFile, sections: LinearSections, image: Bytes): Promise<readonly Bytes[]> {
  const section = sections.get(JOURNAL_SECTION);
  if (section === undefined || section.dataSize === 0) return [];
  const journal = await readSection(file, section, "its journal");
  let records: ReturnType<typeof decodeJournal>;
  try {
    records = decodeJournal(journal);
  } catch (error) {
    if (!(error instanceof DamagedJournal)) throw error;
    throw damaged(file, `has a journal (at offset ${section.offset}) that ${error.message}`, error);
  }
  records.forEach(({ sequence }, i) => {
    if (sequence !== BigInt(i)) throw damaged(file, `has a journal (at offset ${section.offset}) without record ${i}`);
  });
  const entries = records.flatMap((record) => record.entries);
  const deltas = entries.flatMap((entry) => entry.deltas);
  const base = entries[0]?.base;
  // A journal without changes is of no account, whatever state it continued.
  if (deltas.length > 0 && (base === undefined || !equalBytes(base, digestOf(image)))) {
    throw damaged(
      file,
      `was changed by another program, and its journal (at offset ${section.offset}) has ${deltas.length} changes to the state ` +
        "before: put that one back, or go on without those changes by `vtpm state convert --ignore-journal`",
    );
  }
  return deltas;
}

async function isBlank(file: LinearFile): Promise<boolean> {
  const start = await file.read(0, Math.min(file.extent.size, 0x1000));
  return start.every((byte) => byte === 0);
}

/**
 * A store without a permanent state is a new one, unless something says that it has had one: swtpm, stopped while it moves a state
 * that has grown, leaves it behind without an entry in the header, and would go on as a new TPM.
 */
async function assertEmpty(file: LinearFile, sections: LinearSections): Promise<void> {
  if (sections.get(JOURNAL_SECTION)?.dataSize === 0) return;
  const other = [...sections.keys()][0];
  if (other !== undefined)
    throw damaged(file, `has no permanent state, but a section ${other}: its header has been damaged`);
  const { size, fixed } = file.extent;
  const rest = await file.read(LINEAR_HEADER_SIZE, Math.min(size, SEARCHED_SIZE) - LINEAR_HEADER_SIZE);
  const at = fixed ? Buffer.from(rest).indexOf(ENVELOPE) : rest.findIndex((byte) => byte !== 0);
  if (at < 0) return;
  throw damaged(
    file,
    `has no permanent state, but what may be one at offset ${LINEAR_HEADER_SIZE + at}: it was not written to its end. ` +
      "Put back a copy; to begin with a new TPM, remove the file or fill the first 4096 bytes with zeros",
  );
}

function damaged(file: LinearFile, reason: string, cause?: unknown): StoreError {
  return new StoreError("STATE_DAMAGED", `${file.path} ${reason}`, { cause });
}
