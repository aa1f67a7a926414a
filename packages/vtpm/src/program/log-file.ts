import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { FileError, why } from "../files.ts";

/** It is not written to what somebody else has put a link to in its place. */
const FLAGS = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW;

/** Where a program of swtpm's tools says what it does: in a file that it adds to, or on standard output and error. */
export class LogFile {
  readonly #file: FileHandle | undefined;

  private constructor(file: FileHandle | undefined) {
    this.#file = file;
  }

  static async open(path: string | undefined): Promise<LogFile> {
    if (path === undefined) return new LogFile(undefined);
    try {
      return new LogFile(await open(path, FLAGS, 0o640));
    } catch (error) {
      throw new FileError("FILE_WRITE", `cannot write the log ${path}: ${why(error, path)}`, { cause: error });
    }
  }

  async note(line: string): Promise<void> {
    if (this.#file === undefined) process.stdout.write(`${line}\n`);
    else await this.#file.write(`${line}\n`);
  }

  async fault(line: string): Promise<void> {
    if (this.#file === undefined) process.stderr.write(`${line}\n`);
    else await this.#file.write(`${line}\n`);
  }

  async close(): Promise<void> {
    await this.#file?.close();
  }
}
