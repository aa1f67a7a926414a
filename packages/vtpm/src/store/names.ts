/**
 * The files of a directory store. Those of a TPM have swtpm's names, temporary ones included; the journal has a name that
 * neither swtpm nor a script that copies state files looks at.
 */
const JOURNAL_PREFIX = ".vtpm-journal-";
const JOURNAL = /^\.vtpm-journal-(\d{8,15})$/;
const TPM = /^(?!TMP)[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** Whether a TPM may be called this: it becomes part of file names. */
export function isTpmName(name: string): boolean {
  return TPM.test(name);
}

export function stateFileName(tpm: string): string {
  return `${tpm}.permall`;
}

/** The state file before the present one. */
export function backupFileName(tpm: string): string {
  return `${stateFileName(tpm)}.bak`;
}

export function volatileFileName(tpm: string): string {
  return `${tpm}.volatilestate`;
}

/** What a file is called until it is complete: TMP2-00.permall for tpm2-00.permall. */
export function temporaryFileName(name: string): string {
  return name.startsWith("tpm") ? `TMP${name.slice(3)}` : `TMP-${name}`;
}

export function journalName(number: number): string {
  return JOURNAL_PREFIX + number.toString().padStart(8, "0");
}

/** The number of the journal file called `name`; `undefined` for any other file. */
export function journalNumber(name: string): number | undefined {
  const digits = JOURNAL.exec(name)?.[1];
  return digits === undefined ? undefined : Number(digits);
}
