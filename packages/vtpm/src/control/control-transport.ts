import type { Bytes } from "@vtpm/wire";
import type { ControlCommandName } from "./commands.ts";

/** How control commands reach a TPM. */
export interface ControlTransport {
  /** Whether words are in the machine's order and not in the network's. */
  readonly littleEndian: boolean;
  /** Most bytes of a state blob in one message, where there is such a bound; a shorter message is then the last. */
  readonly blobPacket: number | undefined;
  /**
   * Sends a request and returns the response: all of it, or only its result if that is an error. Rejects with a
   * `ControlChannelError`.
   */
  exchange(command: ControlCommandName, request: Bytes): Promise<Bytes>;
  close(): void;
}
