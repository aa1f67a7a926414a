/** Codes that stand alone: nothing of the command is to blame in particular. */
const FORMAT_ZERO = {
  SUCCESS: 0x000,
  BAD_TAG: 0x01e,
  INITIALIZE: 0x100,
  FAILURE: 0x101,
  SEQUENCE: 0x103,
  PRIVATE: 0x10b,
  HMAC: 0x119,
  DISABLED: 0x120,
  EXCLUSIVE: 0x121,
  AUTH_TYPE: 0x124,
  AUTH_MISSING: 0x125,
  POLICY: 0x126,
  PCR: 0x127,
  PCR_CHANGED: 0x128,
  UPGRADE: 0x12d,
  TOO_MANY_CONTEXTS: 0x12e,
  AUTH_UNAVAILABLE: 0x12f,
  REBOOT: 0x130,
  UNBALANCED: 0x131,
  COMMAND_SIZE: 0x142,
  COMMAND_CODE: 0x143,
  AUTHSIZE: 0x144,
  AUTH_CONTEXT: 0x145,
  NV_RANGE: 0x146,
  NV_SIZE: 0x147,
  NV_LOCKED: 0x148,
  NV_AUTHORIZATION: 0x149,
  NV_UNINITIALIZED: 0x14a,
  NV_SPACE: 0x14b,
  NV_DEFINED: 0x14c,
  BAD_CONTEXT: 0x150,
  CPHASH: 0x151,
  PARENT: 0x152,
  NEEDS_TEST: 0x153,
  NO_RESULT: 0x154,
  SENSITIVE: 0x155,
  READ_ONLY: 0x156,
} as const;

/** Codes about one handle, parameter or session, whose number is added to them. */
const FORMAT_ONE = {
  ASYMMETRIC: 0x081,
  ATTRIBUTES: 0x082,
  HASH: 0x083,
  VALUE: 0x084,
  HIERARCHY: 0x085,
  KEY_SIZE: 0x087,
  MGF: 0x088,
  MODE: 0x089,
  TYPE: 0x08a,
  HANDLE: 0x08b,
  KDF: 0x08c,
  RANGE: 0x08d,
  AUTH_FAIL: 0x08e,
  NONCE: 0x08f,
  PP: 0x090,
  SCHEME: 0x092,
  SIZE: 0x095,
  SYMMETRIC: 0x096,
  TAG: 0x097,
  SELECTOR: 0x098,
  INSUFFICIENT: 0x09a,
  SIGNATURE: 0x09b,
  KEY: 0x09c,
  POLICY_FAIL: 0x09d,
  INTEGRITY: 0x09f,
  TICKET: 0x0a0,
  RESERVED_BITS: 0x0a1,
  BAD_AUTH: 0x0a2,
  EXPIRED: 0x0a3,
  POLICY_CC: 0x0a4,
  BINDING: 0x0a5,
  CURVE: 0x0a6,
  ECC_POINT: 0x0a7,
  FW_LIMITED: 0x0a8,
  SVN_LIMITED: 0x0a9,
  CHANNEL: 0x0b0,
  CHANNEL_KEY: 0x0b1,
} as const;

/** Codes that say "not now": the same command may succeed later. */
const WARNING = {
  CONTEXT_GAP: 0x901,
  OBJECT_MEMORY: 0x902,
  SESSION_MEMORY: 0x903,
  MEMORY: 0x904,
  SESSION_HANDLES: 0x905,
  OBJECT_HANDLES: 0x906,
  LOCALITY: 0x907,
  YIELDED: 0x908,
  CANCELED: 0x909,
  TESTING: 0x90a,
  REFERENCE_H0: 0x910,
  REFERENCE_H1: 0x911,
  REFERENCE_H2: 0x912,
  REFERENCE_H3: 0x913,
  REFERENCE_H4: 0x914,
  REFERENCE_H5: 0x915,
  REFERENCE_H6: 0x916,
  REFERENCE_S0: 0x918,
  REFERENCE_S1: 0x919,
  REFERENCE_S2: 0x91a,
  REFERENCE_S3: 0x91b,
  REFERENCE_S4: 0x91c,
  REFERENCE_S5: 0x91d,
  REFERENCE_S6: 0x91e,
  NV_RATE: 0x920,
  LOCKOUT: 0x921,
  RETRY: 0x922,
  NV_UNAVAILABLE: 0x923,
  NOT_USED: 0x97f,
} as const;

/**
 * Response codes. Those of format one stand here without the position that a response adds to them.
 *
 * @spec Part 2, "TPM_RC (Response Codes)"
 */
export const TPM_RC = { ...FORMAT_ZERO, ...FORMAT_ONE, ...WARNING } as const;
export type TPM_RC = (typeof TPM_RC)[keyof typeof TPM_RC];

/** The codes that carry a position. */
export type FormatOneRc = (typeof FORMAT_ONE)[keyof typeof FORMAT_ONE];

// BAD_TAG is the reason of one type only, the tag of a command. Where that is read nothing has a position, and nowhere
// else can this code come up: so it may pass for one of format one.
const byReason = new Map<string, FormatOneRc>([
  ...Object.entries(FORMAT_ONE),
  ["BAD_TAG", FORMAT_ZERO.BAD_TAG as number as FormatOneRc],
]);
const nameByCode = new Map<number, string>(Object.entries(TPM_RC).map(([name, code]) => [code, name]));

/** The code behind the reason that a schema gives for a refusal. An unknown reason is a fault of the schema. */
export function rcOfReason(reason: string): FormatOneRc {
  const rc = byReason.get(reason);
  if (rc === undefined) throw new Error(`no format-one response code is called ${reason}`);
  return rc;
}

/** The name of a code without position, such as "VALUE"; `undefined` for one that the specification does not have. */
export function nameOfRc(rc: number): string | undefined {
  return nameByCode.get(rc);
}
