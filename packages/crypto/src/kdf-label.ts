import { concatBytes } from "@vtpm/wire";
import type { Bytes } from "./provider.ts";

/** A label of the specification (ASCII, without its NUL) or bytes that a caller of the TPM has chosen. */
export type KdfLabel = string | Bytes;

const NUL = new Uint8Array(1);

/** The bytes a label stands for: always ends with NUL, which is added where it is missing. @spec Part 1, "KDFa()" */
export function labelBytes(label: KdfLabel): Bytes {
  if (typeof label !== "string") return label.at(-1) === 0 ? label : concatBytes(label, NUL);
  const bytes = new Uint8Array(label.length + (label.endsWith("\0") ? 0 : 1));
  for (let i = 0; i < label.length; i++) bytes[i] = label.charCodeAt(i);
  return bytes;
}
