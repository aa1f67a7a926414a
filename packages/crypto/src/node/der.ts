import type { Bytes } from "../provider.ts";

const INTEGER = 0x02;
const OCTET_STRING = 0x04;
const SEQUENCE = 0x30;
/** `[0]`, constructed. */
const CONTEXT_0 = 0xa0;

/** PKCS #1 structures are sequences of integers only, and OpenSSL reads them faster than any other form of a key. */
export function derIntegers(...numbers: readonly Bytes[]): Buffer {
  return derSequence(...numbers.map(derInteger));
}

export function derSequence(...elements: readonly Bytes[]): Buffer {
  return derElement(SEQUENCE, Buffer.concat(elements));
}

export function derOctetString(content: Bytes): Buffer {
  return derElement(OCTET_STRING, content);
}

/** An element under the tag `[0]`, which says what it is where it may be missing. */
export function derContext0(element: Bytes): Buffer {
  return derElement(CONTEXT_0, element);
}

/** A number without a sign, big-endian, with or without leading zeros. */
export function derInteger(number: Bytes): Buffer {
  let start = 0;
  while (start < number.length - 1 && number[start] === 0) start++;
  const digits = number.subarray(start);
  // A leading zero keeps a number with its top bit set positive.
  return derElement(INTEGER, (digits[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.alloc(1), digits]) : digits);
}

function derElement(tag: number, content: Bytes): Buffer {
  const size = content.length;
  const header = size < 0x80 ? [tag, size] : size < 0x100 ? [tag, 0x81, size] : [tag, 0x82, size >>> 8, size & 0xff];
  return Buffer.concat([Buffer.from(header), content]);
}
