/** The files of a directory store. A new state file gets its final name only when it is complete. */
const STATE_SUFFIX = ".state";
const NEW_SUFFIX = ".state.new";
const JOURNAL = /^journal-(\d{8,15})$/;
const TPM = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** Whether a TPM may be called this: it becomes part of file names. */
export function isTpmName(name: string): boolean {
  return TPM.test(name);
}

export function stateFileName(tpm: string): string {
  return tpm + STATE_SUFFIX;
}

export function newStateFileName(tpm: string): string {
  return tpm + NEW_SUFFIX;
}

/** The TPM whose state file is called `name`; `undefined` for any other file. */
export function tpmOfStateFile(name: string): string | undefined {
  const tpm = name.slice(0, -STATE_SUFFIX.length);
  return name.endsWith(STATE_SUFFIX) && isTpmName(tpm) ? tpm : undefined;
}

export function journalName(number: number): string {
  return `journal-${number.toString().padStart(8, "0")}`;
}

/** The number of the journal file called `name`; `undefined` for any other file. */
export function journalNumber(name: string): number | undefined {
  const digits = JOURNAL.exec(name)?.[1];
  return digits === undefined ? undefined : Number(digits);
}
