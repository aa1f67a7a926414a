import type { Bytes } from "@vtpm/wire";
import type { ControlCommandName } from "./commands.ts";

/** Moves the bytes of a state blob by reading and writing, between control commands that begin and end it. */
export interface BlobStream {
  /** The next bytes, at most `size`; none at the end. */
  read(size: number): Promise<Bytes>;
  write(bytes: Bytes): Promise<void>;
}

/** How control commands reach a TPM. */
export interface ControlTransport {
  /** Whether words are in the machine's order and not in the network's. */
  readonly littleEndian: boolean;
  /** Most bytes of a state blob in one message, where there is such a bound; a shorter message is then the last. */
  readonly blobPacket: number | undefined;
  /** Present: state blobs are moved by it instead, but for the first part of one that is read. */
  readonly stream?: BlobStream;
  /**
   * Sends a request and returns the response: all of it, or only its result if that is an error. Rejects with a
   * `ControlChannelError`.
   */
  exchange(command: ControlCommandName, request: Bytes): Promise<Bytes>;
  close(): void;
}
