import { constants, openSync, writeSync } from "node:fs";
import type { Bytes } from "@vtpm/wire";
import { HostError, reasonOf, systemReason } from "../../host-error.ts";
import { StoreError } from "../../store/store-error.ts";
import type { SubOptions } from "../sub-options.ts";
import type { SUB_OPTIONS } from "./option-table.ts";

const DEFAULT_PREFIX = "swtpm: ";
/** From this level on what passes is shown, too. */
const DUMP_LEVEL = 2;
const BYTES_PER_LINE = 16;

/** Something that was named on the command line cannot be opened. */
export class OpenError extends HostError {
  override readonly name = "OpenError";
  readonly code = "OPEN";
}

/** Messages by how far they are indented: one with as many blanks as the level, or more, is not written. */
export class Log {
  #fd: number | undefined;
  #level = 1;
  #prefix = DEFAULT_PREFIX;
  #configured = false;
  /** What came last, so that a fault that keeps happening is told once. */
  #lastFault = "";

  /** Before `--log` takes effect messages go to this descriptor. */
  constructor(fd: number = process.stderr.fd) {
    this.#fd = fd;
  }

  /** Takes effect as `--log` says. Throws an `OpenError`. */
  configure({ file, fd, level, prefix, truncate }: SubOptions<typeof SUB_OPTIONS.log>): void {
    if (file === "-") this.#fd = undefined;
    else if (file !== undefined) this.#fd = openLog(file, truncate === true);
    else if (fd !== undefined) this.#fd = writable(fd);
    this.#level = level ?? 1;
    this.#prefix = prefix ?? "";
    this.#configured = true;
  }

  /** Whether `--log` has taken effect. */
  get configured(): boolean {
    return this.#configured;
  }

  /** Lets go of a descriptor that messages went to. */
  forget(fd: number): void {
    if (this.#fd === fd) this.#fd = undefined;
  }

  /** Whether what passes on the channels is shown. */
  get dumps(): boolean {
    return this.#level >= DUMP_LEVEL;
  }

  /** Whether messages of this indentation are written. */
  shows(blanks: number): boolean {
    return blanks < this.#level;
  }

  /** Writes a message; leading blanks say how much of a detail it is. */
  write(text: string): void {
    const blanks = text.length - text.trimStart().length;
    if (this.#fd === undefined || !this.shows(blanks)) return;
    try {
      writeSync(this.#fd, `${this.#prefix}${text}\n`);
    } catch {
      // A log that cannot be written is no reason to stop a TPM.
    }
  }

  fault(error: unknown): void {
    const text = inSwtpmsWords(error);
    if (text !== this.#lastFault || this.dumps) this.write(text);
    this.#lastFault = text;
  }

  /** Shows bytes as lines of hexadecimal numbers, the first `limit` of them. */
  dump(title: string, bytes: Bytes, limit = bytes.length): void {
    if (!this.dumps) return;
    this.write(` ${title} length ${bytes.length}`);
    const shown = bytes.subarray(0, limit);
    for (let at = 0; at < shown.length; at += BYTES_PER_LINE) {
      const line = Array.from(shown.subarray(at, at + BYTES_PER_LINE), (byte) =>
        byte.toString(16).toUpperCase().padStart(2, "0"),
      );
      this.write(` ${line.join(" ")} `);
    }
  }
}

/** What scripts look for in messages about the state. */
const STATE_COMPLAINTS: Readonly<Record<string, string>> = {
  STATE_LOCKED: "Could not lock access to lockfile: Resource temporarily unavailable:",
  STATE_PROFILE: "Error: Profile could not be applied to an existing TPM 2 instance.",
};

function inSwtpmsWords(error: unknown): string {
  const reason = reasonOf(error);
  const complaint = error instanceof StoreError ? STATE_COMPLAINTS[error.code] : undefined;
  return complaint === undefined ? reason : `${complaint} ${reason}`;
}

function openLog(file: string, truncate: boolean): number {
  const { O_WRONLY, O_CREAT, O_APPEND, O_TRUNC, O_NOFOLLOW } = constants;
  try {
    return openSync(file, O_WRONLY | O_CREAT | O_NOFOLLOW | (truncate ? O_TRUNC : O_APPEND), 0o600);
  } catch (error) {
    throw new OpenError(`Could not open logfile for writing: ${systemReason(error)}: ${file}`, { cause: error });
  }
}

/** A descriptor that can be written to. */
function writable(fd: number): number {
  try {
    writeSync(fd, "");
    return fd;
  } catch (error) {
    throw new OpenError(`Could not access logfile using fd ${fd}: ${systemReason(error)}`, { cause: error });
  }
}
