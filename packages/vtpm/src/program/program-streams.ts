import type { Readable, Writable } from "node:stream";

/** The streams of a program that ends with a status. */
export interface ProgramStreams {
  readonly stdin: Readable;
  readonly stdout: Pick<Writable, "write">;
  readonly stderr: Pick<Writable, "write">;
}
