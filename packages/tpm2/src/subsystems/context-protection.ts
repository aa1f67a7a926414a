import { equalBytesConstantTime } from "@vtpm/crypto";
import { type Bytes, concatBytes, EMPTY, encode } from "@vtpm/wire";
import type { Engine } from "../engine.ts";
import { uint32, uint64 } from "../integer-bytes.ts";
import { type FormatOneRc, TPM_RC } from "../spec/response-codes.ts";
import { TPM2B_DIGEST } from "../spec/structures/index.ts";
import type { TpmError } from "../spec/tpm-error.ts";
import { kdfa } from "./kdfa.ts";
import { readerOf } from "./keys/unmarshal.ts";

/** What a saved context says of itself in the clear. */
export interface ContextIdentity {
  readonly sequence: bigint;
  readonly savedHandle: number;
  readonly hierarchy: number;
}

/** The savedHandle of an object: ordinary, a sequence, or one that a TPM Restart shall end. */
export const SAVED_OBJECT = { ORDINARY: 0x80000000, SEQUENCE: 0x80000001, ST_CLEAR: 0x80000002 } as const;

const KEY_SIZE = 32;
const IV_SIZE = 16;
const DIGEST_SIZE = 64;
/** The sequence number, encrypted with the rest. */
const FINGERPRINT_SIZE = 8;

/**
 * Encrypts what is to be remembered, so that only this TPM can read it and only until its hierarchy's proof changes, the
 * next TPM Reset or (stClear) Restart. As libtpms does it, so that contexts stay loadable where a TPM moves to.
 *
 * @spec Part 1, "Context Data"
 */
export function protectContext(tpm: Engine, identity: ContextIdentity, payload: Bytes): Bytes {
  const { key, iv } = contextKey(tpm, identity);
  const plain = concatBytes(littleEndian(uint64(identity.sequence)), payload);
  const { data } = tpm.crypto.encrypt("AES", "CFB", key, iv, plain);
  return concatBytes(encode(TPM2B_DIGEST, integrityOf(tpm, identity, data)), data);
}

/** Makes the error of a context that cannot be loaded. */
export type BlameContext = (rc: FormatOneRc) => TpmError;

/**
 * Gives the payload back.
 *
 * @rc SIZE             there is no integrity value
 * @rc INSUFFICIENT     it ends too early
 * @rc SIZE (blame)     the integrity value has the wrong size, or nothing follows it
 * @rc INTEGRITY (blame)  it is not this TPM's, changed, or out of date
 */
export function unprotectContext(
  tpm: Engine,
  identity: ContextIdentity,
  contextBlob: Bytes,
  blame: BlameContext,
): Bytes {
  const reader = readerOf(tpm, contextBlob);
  const integrity = reader.read(TPM2B_DIGEST);
  if (integrity.length !== DIGEST_SIZE || reader.remaining < FINGERPRINT_SIZE) throw blame(TPM_RC.SIZE);
  const data = contextBlob.slice(contextBlob.length - reader.remaining);
  if (!equalBytesConstantTime(integrity, integrityOf(tpm, identity, data))) throw blame(TPM_RC.INTEGRITY);
  const { key, iv } = contextKey(tpm, identity);
  return tpm.crypto.decrypt("AES", "CFB", key, iv, data).data.slice(FINGERPRINT_SIZE);
}

function contextKey(tpm: Engine, { sequence, savedHandle, hierarchy }: ContextIdentity): { key: Bytes; iv: Bytes } {
  const derived = kdfa(tpm, {
    hashAlg: "SHA512",
    key: tpm.hierarchies.proofOf(hierarchy),
    label: "CONTEXT",
    contextU: littleEndian(uint64(sequence)),
    contextV: littleEndian(uint32(savedHandle)),
    bits: 8 * (KEY_SIZE + IV_SIZE),
  });
  return { key: derived.slice(0, KEY_SIZE), iv: derived.slice(KEY_SIZE) };
}

function integrityOf(tpm: Engine, { sequence, savedHandle, hierarchy }: ContextIdentity, data: Bytes): Bytes {
  const { persistent, stateReset } = tpm;
  return tpm.crypto.hmac(
    "SHA512",
    tpm.hierarchies.proofOf(hierarchy),
    uint64(persistent.totalResetCount),
    savedHandle === SAVED_OBJECT.ST_CLEAR ? uint32(stateReset.clearCount) : EMPTY,
    uint64(sequence),
    uint32(savedHandle),
    data,
  );
}

/** libtpms takes these numbers from memory as they are, on machines that put the low byte first. */
const littleEndian = (bigEndian: Bytes): Bytes => bigEndian.slice().reverse();
