import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { FileError, why } from "../files.ts";
import { systemErrorCode } from "../host-error.ts";
import { lockDirectory } from "../store/directory-lock.ts";
import { backupFileName, journalNumber, stateFileName, temporaryFileName, volatileFileName } from "../store/names.ts";
import type { TpmPlace } from "./in-process-tpm.ts";

const TPM = "tpm2-00";
const LINEAR_HEADER_SIZE = 192;
const STATE_FILES: ReadonlySet<string> = new Set([
  stateFileName(TPM),
  backupFileName(TPM),
  volatileFileName(TPM),
  `${TPM}.savestate`,
  temporaryFileName(stateFileName(TPM)),
]);

/** The files of a directory that hold the state of the TPM in it. */
async function stateFiles(directory: string): Promise<string[]> {
  try {
    const names = await readdir(directory);
    return names.filter((name) => STATE_FILES.has(name) || journalNumber(name) !== undefined);
  } catch (error) {
    throw unusable(directory, error);
  }
}

/** Whether there is a TPM already, or some of one. */
export async function hasState(location: TpmPlace): Promise<boolean> {
  const { directory, linearFile = "" } = location;
  if (directory !== undefined) {
    const names = await stateFiles(directory);
    const sizes = await Promise.all(names.map((name) => stat(join(directory, name))));
    // An empty journal says nothing.
    return names.some(
      (name, i) => name === stateFileName(TPM) || (journalNumber(name) !== undefined && sizes[i]?.size),
    );
  }
  try {
    // A store that was made and never used has only its header.
    return (await stat(linearFile)).size > LINEAR_HEADER_SIZE;
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return false;
    throw unusable(linearFile, error);
  }
}

/** Removes what there is of a TPM, unless somebody uses it. */
export async function removeState(location: TpmPlace): Promise<void> {
  const { directory, linearFile = "" } = location;
  if (directory === undefined) {
    await rm(linearFile, { force: true }).catch((error: unknown) => {
      throw unusable(linearFile, error);
    });
    return;
  }
  const lock = await lockDirectory(directory);
  try {
    for (const name of await stateFiles(directory)) await rm(join(directory, name), { force: true });
  } catch (error) {
    throw systemErrorCode(error) === undefined ? error : unusable(directory, error);
  } finally {
    await lock.release();
  }
}

const unusable = (path: string, error: unknown): FileError =>
  new FileError("FILE_WRITE", `cannot use ${path} for the state of a TPM: ${why(error, path)}`, { cause: error });
