import { type Bytes, toHex } from "@vtpm/wire";

const CONTEXT = 12;

/** Where two byte strings begin to differ and what is there; `undefined` if they do not. */
export function differenceOf(a: Bytes, b: Bytes): string | undefined {
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    if (a[i] === b[i]) continue;
    const near = (bytes: Bytes): string => toHex(bytes.slice(Math.max(0, i - CONTEXT), i + CONTEXT));
    return `at ${i} of ${a.length} and ${b.length} bytes: ${near(a)}, ${near(b)}`;
  }
  return undefined;
}
