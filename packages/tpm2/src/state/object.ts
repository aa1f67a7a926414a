import {
  bits,
  buffer,
  choice,
  list,
  optional,
  struct,
  type TypeOf,
  UINT8,
  UINT16,
  UINT32,
  UINT64,
  union,
} from "@vtpm/wire";
import { TPM2B_AUTH, TPM2B_NAME, TPMT_PUBLIC_NULLABLE, TPMT_SENSITIVE } from "../spec/structures/index.ts";

/** What the TPM knows of a loaded object beyond its areas. Names as in libtpms' state, where the same bits are kept. */
export const OBJECT_ATTRIBUTES = bits("OBJECT_ATTRIBUTES", UINT32, {
  publicOnly: 0,
  epsHierarchy: 1,
  ppsHierarchy: 2,
  spsHierarchy: 3,
  evict: 4,
  primary: 5,
  temporary: 6,
  stClear: 7,
  hmacSeq: 8,
  hashSeq: 9,
  eventSeq: 10,
  ticketSafe: 11,
  firstBlock: 12,
  isParent: 13,
  derivation: 16,
  external: 17,
});

/** A hash computation at rest. */
export const HASH_STATE = struct("HASH_STATE", {
  hashAlg: UINT16,
  chaining: buffer("chaining", { max: 200 }),
  length: UINT64,
  pending: buffer("pending", { max: 136 }),
});
export type HASH_STATE = TypeOf<typeof HASH_STATE>;

/** Which of the two things a transient slot holds. */
export const SLOT = { KEY: 1, SEQUENCE: 2 } as const;

const attributes = OBJECT_ATTRIBUTES;

const KEY_FIELDS = {
  publicArea: TPMT_PUBLIC_NULLABLE,
  /** Absent for an object of which only the public area was loaded. */
  sensitive: optional(TPMT_SENSITIVE),
  name: TPM2B_NAME,
  qualifiedName: TPM2B_NAME,
  /** The handle of the hierarchy the object belongs to. */
  hierarchy: UINT32,
  /** How primes were searched for when the seed above the object was made (see the key derivation). */
  seedCompatLevel: UINT8,
};

const SEQUENCE_FIELDS = {
  auth: TPM2B_AUTH,
  /** One running hash; an event sequence has one per bank. */
  hashes: list("sequence hashes", HASH_STATE, { max: 8 }),
  /** HMAC: the key, needed again at the end. */
  hmacKey: buffer("hmacKey", { max: 0xffff }),
  /** CMAC: the chaining state, empty otherwise. */
  mac: buffer("mac", { max: 0xffff }),
};

/** A key or data object, transient or persistent. */
export const OBJECT = struct("OBJECT", { attributes, ...KEY_FIELDS });
export type OBJECT = TypeOf<typeof OBJECT>;

/** What a transient handle refers to. */
export const ANY_OBJECT = union(
  "ANY_OBJECT",
  { kind: choice("SLOT", UINT8, { values: [SLOT.KEY, SLOT.SEQUENCE], reason: "VALUE" }), attributes },
  "kind",
  { [SLOT.KEY]: KEY_FIELDS, [SLOT.SEQUENCE]: SEQUENCE_FIELDS },
);
export type ANY_OBJECT = TypeOf<typeof ANY_OBJECT>;
export type KEY_SLOT = Extract<ANY_OBJECT, { readonly kind: typeof SLOT.KEY }>;
export type SEQUENCE_SLOT = Extract<ANY_OBJECT, { readonly kind: typeof SLOT.SEQUENCE }>;
