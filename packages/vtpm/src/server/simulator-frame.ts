import { type Bytes, concatBytes } from "@vtpm/wire";
import { uint32s } from "./words.ts";

/** The opcode before a command: TPM_SEND_COMMAND of the TCG simulator, which swtpm knows too. */
export const SEND_COMMAND = 8;
/** Bytes before a command: opcode, locality, size of the command. */
export const SEND_COMMAND_HEADER_SIZE = 9;

/** A response as the TCG simulator frames it: behind its size and before a zero, in one piece. */
export function framedResponse(response: Bytes): Bytes {
  return concatBytes(uint32s(response.length), response, uint32s(0));
}
