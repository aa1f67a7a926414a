import { type Bytes, concatBytes, EMPTY, encode, UINT16 } from "@vtpm/wire";
import { uint32 } from "../../integer-bytes.ts";

/** Tags of the distinguished encoding rules that certificates need. @spec X.690, "Encoding of a tagged value" */
export const TAG = {
  INTEGER: 0x02,
  BIT_STRING: 0x03,
  OCTET_STRING: 0x04,
  NULL: 0x05,
  SEQUENCE: 0x30,
  /** `[0]`, `[1]`, … around another element: add the number. */
  CONTEXT: 0xa0,
} as const;

/** Tags with this number go on in further bytes; no certificate has them. */
const LONG_TAG = 0x1f;
const ONE_BYTE_LENGTH = 0x81;
const TWO_BYTE_LENGTH = 0x82;
/** libtpms counts in 16 bits with sign. */
const MAX_LENGTH = 0x7fff;

/** An element taken apart: its bytes as they are, and its content. */
export interface Element {
  readonly tag: number;
  readonly bytes: Bytes;
  readonly content: Bytes;
}

/** The element at the start of some bytes; `undefined` for what is not the one encoding that DER allows. */
export function readElement(bytes: Bytes): Element | undefined {
  const [tag, first, second = 0, third = 0] = bytes;
  if (tag === undefined || first === undefined || tag % 32 === LONG_TAG) return undefined;
  let length = first;
  let start = 2;
  if (first === ONE_BYTE_LENGTH) {
    [length, start] = [second, 3];
    if (length < 0x80) return undefined;
  } else if (first === TWO_BYTE_LENGTH) {
    [length, start] = [second * 0x100 + third, 4];
    if (length < 0x100 || length > MAX_LENGTH) return undefined;
  } else if (first >= 0x80) {
    return undefined;
  }
  const end = start + length;
  if (end > bytes.length) return undefined;
  return { tag, bytes: bytes.slice(0, end), content: bytes.slice(start, end) };
}

/** The elements that fill some bytes one after the other; `undefined` if anything is wrong anywhere. */
export function readElements(bytes: Bytes): Element[] | undefined {
  const elements: Element[] = [];
  for (let rest = bytes; rest.length > 0; rest = rest.slice(elements.at(-1)?.bytes.length ?? 0)) {
    const element = readElement(rest);
    if (element === undefined) return undefined;
    elements.push(element);
  }
  return elements;
}

/** The first 32 bits of a BIT STRING, the first bit highest; `undefined` if more than 32 are given or none can be. */
export function bitsOf({ tag, content }: Element): number | undefined {
  const [unused, ...octets] = content;
  if (tag !== TAG.BIT_STRING || unused === undefined || unused > 7 || octets.length > 4) return undefined;
  if (octets.length === 0) return unused === 0 ? 0 : undefined;
  const word = octets.reduce((value, octet, i) => value + octet * 2 ** (24 - 8 * i), 0);
  const ignored = 2 ** (32 - 8 * octets.length + unused);
  return word - (word % ignored);
}

/** An element around other ones, or around bytes. */
export function element(tag: number, ...content: readonly Bytes[]): Bytes {
  const joined = concatBytes(...content);
  return concatBytes(Uint8Array.of(tag), lengthOf(joined.length), joined);
}

function lengthOf(length: number): Bytes {
  if (length < 0x80) return Uint8Array.of(length);
  if (length < 0x100) return Uint8Array.of(ONE_BYTE_LENGTH, length);
  return concatBytes(Uint8Array.of(TWO_BYTE_LENGTH), encode(UINT16, length));
}

export const sequence = (...content: readonly Bytes[]): Bytes => element(TAG.SEQUENCE, ...content);

export const DER_NULL: Bytes = element(TAG.NULL);

/** A number that is not negative, from its bytes. */
export function integer(value: Bytes): Bytes {
  const first = value.findIndex((byte) => byte !== 0);
  const shortest = first === -1 ? Uint8Array.of(0) : value.slice(first);
  return element(TAG.INTEGER, (shortest[0] ?? 0) < 0x80 ? EMPTY : Uint8Array.of(0), shortest);
}

export const smallInteger = (value: number): Bytes => integer(uint32(value));

/** Whole octets as a BIT STRING. */
export const bitString = (...content: readonly Bytes[]): Bytes => element(TAG.BIT_STRING, Uint8Array.of(0), ...content);
