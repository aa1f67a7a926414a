import { reasonOf } from "../host-error.ts";

/** What a program that serves says while it does. */
export interface ProgramLog {
  note(text: string): void;
  fault(error: unknown): void;
}

/** Faults always go to standard error, but a fault that keeps happening only once; notes when they are wanted. */
export function createLog(verbose: boolean): ProgramLog {
  let last = "";
  const write = (text: string): void => {
    process.stderr.write(`vtpm: ${text}\n`);
  };
  return {
    note(text) {
      if (verbose) write(text);
    },
    fault(error) {
      const text = reasonOf(error);
      if (text !== last || verbose) write(text);
      last = text;
    },
  };
}
