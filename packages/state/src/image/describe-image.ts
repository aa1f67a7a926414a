import { LATEST } from "@vtpm/tpm2";
import { limitsOf } from "@vtpm/tpm2/state";
import { type Bytes, type Description, describe, Reader } from "@vtpm/wire";
import { PERSISTENT_ALL } from "./persistent-all.ts";
import { VOLATILE_STATE } from "./volatile-state.ts";

/** What an image is of: what a power cut leaves, or a running TPM. */
export type ImageKind = "permanent" | "volatile";

const MAGIC: Readonly<Record<ImageKind, number>> = { permanent: 0xab364723, volatile: 0x45637889 };
/** Two bytes of version come before the magic. */
const MAGIC_END = 6;

/** What an image says it is; `undefined` for what is none of a TPM 2.0. */
export function imageKind(bytes: Bytes): ImageKind | undefined {
  if (bytes.length < MAGIC_END) return undefined;
  const magic = new Reader(bytes.slice(2, MAGIC_END)).uint32();
  if (magic === MAGIC.permanent) return "permanent";
  return magic === MAGIC.volatile ? "volatile" : undefined;
}

/** An image as a tree of named parts, as far as it can be read; what is refused says so in its place. */
export function describeImage(bytes: Bytes): Description {
  const codec = imageKind(bytes) === "volatile" ? VOLATILE_STATE : PERSISTENT_ALL;
  return describe(codec, bytes, limitsOf(LATEST));
}

const SECRET_TYPES: ReadonlySet<string> = new Set([
  "secret",
  "TPM2B_AUTH",
  "TPMT_SENSITIVE?",
  "DRBG_STATE",
  "hash computation",
  "native RAM",
]);
const SECRET_NAMES: ReadonlySet<string> = new Set([
  "privateExponent",
  "data",
  "sessionKey",
  "hmacKey",
  "tiedTo",
  "mac",
]);

/** Whether a part tells, or helps to find out, what only the TPM or its user knows; what NV Indices hold counts as such. */
export function isSecret({ name, type }: Description): boolean {
  return SECRET_TYPES.has(type) || SECRET_NAMES.has(name);
}
