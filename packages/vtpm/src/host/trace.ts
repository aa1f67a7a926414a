import type { Bytes } from "@vtpm/wire";

/** Sees commands and their responses. */
export interface Trace {
  request(command: Bytes): void;
  response(response: Bytes): void;
}
