import { type Bytes, concatBytes } from "@vtpm/wire";

/** Kinds of messages between xenstored and its clients. Xen's `io/xs_wire.h` */
export const XS = {
  DIRECTORY: 1,
  READ: 2,
  WATCH: 4,
  UNWATCH: 5,
  WRITE: 11,
  RM: 13,
  WATCH_EVENT: 15,
  ERROR: 16,
  DIRECTORY_PART: 22,
} as const;

/** Bytes of a message's header: type, request id, transaction id, size of the payload; words in the machine's byte order. */
const HEADER_SIZE = 16;
/** Bytes of the largest payload that the protocol allows. */
export const MAX_PAYLOAD_SIZE = 4096;

export interface XenstoreMessage {
  readonly type: number;
  readonly requestId: number;
  readonly payload: Bytes;
}

/** A message outside of any transaction. */
export function encodeXenstoreMessage({ type, requestId, payload }: XenstoreMessage): Bytes {
  if (payload.length > MAX_PAYLOAD_SIZE) throw new RangeError(`a payload of ${payload.length} bytes is too long`);
  const header = new Uint8Array(HEADER_SIZE);
  const view = new DataView(header.buffer);
  view.setUint32(0, type, true);
  view.setUint32(4, requestId, true);
  view.setUint32(12, payload.length, true);
  return concatBytes(header, payload);
}

/** The message at the front of `input` and how many bytes it takes; `undefined` if it is not complete. Throws a `RangeError`. */
export function takeXenstoreMessage(
  input: Bytes,
): { readonly message: XenstoreMessage; readonly size: number } | undefined {
  if (input.length < HEADER_SIZE) return undefined;
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength);
  const payloadSize = view.getUint32(12, true);
  if (payloadSize > MAX_PAYLOAD_SIZE) throw new RangeError(`a payload of ${payloadSize} bytes was announced`);
  const size = HEADER_SIZE + payloadSize;
  if (input.length < size) return undefined;
  const message = {
    type: view.getUint32(0, true),
    requestId: view.getUint32(4, true),
    payload: input.slice(HEADER_SIZE, size),
  };
  return { message, size };
}

/** Texts as the protocol strings them together: each ended by a zero byte. */
export const encodeTexts = (...texts: readonly string[]): Bytes => new TextEncoder().encode(`${texts.join("\0")}\0`);

/** The texts of a payload; a last one without its zero byte counts too. */
export function decodeTexts(payload: Bytes): string[] {
  const texts = new TextDecoder().decode(payload).split("\0");
  if (texts.at(-1) === "") texts.pop();
  return texts;
}
