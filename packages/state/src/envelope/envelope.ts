import type { CryptoProvider } from "@vtpm/crypto";
import { type Bytes, concatBytes, plainBytes } from "@vtpm/wire";
import { decrypt, decryptVersion1, encrypt, type Sealing } from "./encryption.ts";
import { EnvelopeError } from "./envelope-error.ts";
import { ENVELOPE_FLAGS, HEADER_SIZE, headerFor, readHeader } from "./header.ts";
import { type Parts, partOf, readParts, TAG, writeParts } from "./parts.ts";

const LARGE_KEY_SIZE = 32;

/** Whether and with what the data in an envelope is encrypted: a key of 16 or 32 bytes. */
export interface SealOptions extends Sealing {
  readonly key?: Bytes | undefined;
}

export interface OpenOptions {
  readonly key?: Bytes | undefined;
  readonly crypto: CryptoProvider;
}

/** A blob goes from one TPM to another: `key` encrypts the state as it is stored, `migrationKey` all of it on its way. */
export interface SealBlobOptions extends SealOptions {
  readonly migrationKey?: Bytes | undefined;
}

export interface OpenBlobOptions extends OpenOptions {
  readonly migrationKey?: Bytes | undefined;
  /** Whether the sender has said beside the blob that the state in it is encrypted. */
  readonly encrypted?: boolean | undefined;
}

/** What an envelope says of itself to anyone. A key of 0 bits is none. */
export interface EnvelopeInfo {
  readonly version: number;
  /** Whether it is a blob, made to go from one TPM to another. */
  readonly isBlob: boolean;
  readonly keyBits: 0 | 128 | 256;
  readonly migrationKeyBits: 0 | 128 | 256;
}

/** Reads what needs no key. Throws an `EnvelopeError`. */
export function envelopeInfo(bytes: Bytes): EnvelopeInfo {
  const { version, flags } = readHeader(bytes);
  const has = (flag: Parameters<typeof ENVELOPE_FLAGS.has>[1]): boolean => ENVELOPE_FLAGS.has(flags, flag);
  return {
    version,
    isBlob: has("MIGRATION"),
    keyBits: has("ENCRYPTED") ? (has("KEY_256") ? 256 : 128) : 0,
    migrationKeyBits: has("MIGRATION_ENCRYPTED") ? (has("MIGRATION_KEY_256") ? 256 : 128) : 0,
  };
}

/** Puts data into swtpm's envelope, as every file and every section of a linear store holds it. */
export function sealEnvelope(data: Bytes, options: SealOptions): Bytes {
  const body = writeParts(sealData(data, options));
  return concatBytes(headerFor(dataFlags(options.key), body.length), body);
}

/** The data in an envelope. With a key only encrypted data is taken: anyone could have put plain data in its place. */
export function openEnvelope(bytes: Bytes, { key, crypto }: OpenOptions): Bytes {
  const { version, flags } = readHeader(bytes);
  const body = plainBytes(bytes).slice(HEADER_SIZE);
  const encrypted = ENVELOPE_FLAGS.has(flags, "ENCRYPTED");
  if (key !== undefined && !encrypted) {
    throw new EnvelopeError("NOT_ENCRYPTED", "the data is not encrypted, but a key is given");
  }
  return openInner(body, version, flags, encrypted, key, crypto);
}

/** Puts the state of a TPM into a blob as the control channel hands it out. */
export function sealBlob(data: Bytes, options: SealBlobOptions): Bytes {
  const { key, migrationKey } = options;
  const inner = writeParts(sealData(data, options));
  const body = writeParts(
    migrationKey === undefined ? new Map([[TAG.MIGRATION_DATA, inner]]) : moved(inner, migrationKey, options),
  );
  const flags = ENVELOPE_FLAGS.with(dataFlags(key), {
    MIGRATION: true,
    MIGRATION_ENCRYPTED: migrationKey !== undefined,
    MIGRATION_KEY_256: migrationKey?.length === LARGE_KEY_SIZE,
  });
  return concatBytes(headerFor(flags, body.length), body);
}

/** The state in a blob. What travelled in the clear is taken even where there are keys, as swtpm does: the control channel is trusted with that. */
export function openBlob(bytes: Bytes, { key, migrationKey, encrypted = false, crypto }: OpenBlobOptions): Bytes {
  const { version, flags } = readHeader(bytes);
  let body: Bytes = plainBytes(bytes).slice(HEADER_SIZE);
  if (ENVELOPE_FLAGS.has(flags, "MIGRATION_ENCRYPTED")) {
    const outerKey = matchingKey(migrationKey, ENVELOPE_FLAGS.has(flags, "MIGRATION_KEY_256"), "migration key");
    if (version === 1) body = decryptVersion1(body, outerKey, crypto);
    else {
      const parts = readParts(body);
      const data = partOf(parts, TAG.ENCRYPTED_MIGRATION_DATA);
      body = decrypt({ data, iv: parts.get(TAG.MIGRATION_IV), mac: partOf(parts, TAG.HMAC) }, outerKey, crypto);
    }
  } else if (version !== 1) {
    body = partOf(readParts(body), TAG.MIGRATION_DATA);
  }
  return openInner(body, version, flags, encrypted || ENVELOPE_FLAGS.has(flags, "ENCRYPTED"), key, crypto);
}

function sealData(data: Bytes, options: SealOptions): Parts {
  if (options.key === undefined) return new Map([[TAG.DATA, data]]);
  const encrypted = encrypt(data, options.key, options);
  return new Map([
    [TAG.ENCRYPTED_DATA, encrypted.data],
    [TAG.HMAC, encrypted.mac],
    [TAG.IV, encrypted.iv],
  ]);
}

function moved(inner: Bytes, migrationKey: Bytes, sealing: Sealing): Parts {
  const encrypted = encrypt(inner, migrationKey, sealing);
  return new Map([
    [TAG.ENCRYPTED_MIGRATION_DATA, encrypted.data],
    [TAG.HMAC, encrypted.mac],
    [TAG.MIGRATION_IV, encrypted.iv],
  ]);
}

function openInner(
  body: Bytes,
  version: number,
  flags: number,
  encrypted: boolean,
  key: Bytes | undefined,
  crypto: CryptoProvider,
): Bytes {
  if (!encrypted) return version === 1 ? body : partOf(readParts(body), TAG.DATA);
  const fileKey = matchingKey(key, ENVELOPE_FLAGS.has(flags, "KEY_256"), "key");
  if (version === 1) return decryptVersion1(body, fileKey, crypto);
  const parts = readParts(body);
  const data = partOf(parts, TAG.ENCRYPTED_DATA);
  return decrypt({ data, iv: parts.get(TAG.IV), mac: partOf(parts, TAG.HMAC) }, fileKey, crypto);
}

function dataFlags(key: Bytes | undefined): number {
  return ENVELOPE_FLAGS.of({ ENCRYPTED: key !== undefined, KEY_256: key?.length === LARGE_KEY_SIZE });
}

/** The key, if there is one and it has the size that the header tells. */
function matchingKey(key: Bytes | undefined, large: boolean, what: string): Bytes {
  const keyBits = large ? 256 : 128;
  if (key === undefined)
    throw new EnvelopeError("KEY_MISSING", `it is encrypted with a ${what} of ${keyBits} bits, and none is given`);
  if ((key.length === LARGE_KEY_SIZE) !== large) {
    throw new EnvelopeError(
      "KEY_SIZE",
      `it is encrypted with a ${what} of ${keyBits} bits, the one given has ${8 * key.length}`,
    );
  }
  return key;
}
