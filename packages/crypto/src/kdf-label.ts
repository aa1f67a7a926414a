import { concatBytes } from "@vtpm/wire";
import type { Bytes } from "./provider.ts";

/** A label of the specification (ASCII, without its NUL) or bytes that a caller of the TPM has chosen. */
export type KdfLabel = string | Bytes;

const NUL = new Uint8Array(1);

/** The bytes a label stands for: always ends with NUL, which is added where it is missing. @spec Part 1, "KDFa()" */
export function labelBytes(label: KdfLabel): Bytes {
  const bytes = typeof label === "string" ? Uint8Array.from(label, (letter) => letter.charCodeAt(0)) : label;
  return bytes.at(-1) === 0 ? bytes : concatBytes(bytes, NUL);
}
