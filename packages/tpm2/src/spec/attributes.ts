import { bits, UINT8, UINT32 } from "@vtpm/wire";

/**
 * What an algorithm can be used for.
 *
 * @spec Part 2, "TPMA_ALGORITHM"
 */
export const TPMA_ALGORITHM = bits("TPMA_ALGORITHM", UINT32, {
  asymmetric: 0,
  symmetric: 1,
  hash: 2,
  object: 3,
  signing: 8,
  encrypting: 9,
  method: 10,
});

/**
 * What an object is, who may use it, and for what. Bit 3 (fixedFirmware) is reserved, as libtpms has it.
 *
 * @spec Part 2, "TPMA_OBJECT (Object Attributes)"
 */
export const TPMA_OBJECT = bits("TPMA_OBJECT", UINT32, {
  fixedTPM: 1,
  stClear: 2,
  fixedParent: 4,
  sensitiveDataOrigin: 5,
  userWithAuth: 6,
  adminWithPolicy: 7,
  firmwareLimited: 8,
  svnLimited: 9,
  noDA: 10,
  encryptedDuplication: 11,
  restricted: 16,
  decrypt: 17,
  sign: 18,
  x509sign: 19,
});

/** @spec Part 2, "TPMA_SESSION (Session Attributes)" */
export const TPMA_SESSION = bits("TPMA_SESSION", UINT8, {
  continueSession: 0,
  auditExclusive: 1,
  auditReset: 2,
  decrypt: 5,
  encrypt: 6,
  audit: 7,
});

/**
 * A set of localities 0 to 4, or one single locality from 32 on as the byte itself (`Extended` not zero).
 *
 * @spec Part 2, "TPMA_LOCALITY (Locality Attribute)"
 */
export const TPMA_LOCALITY = bits(
  "TPMA_LOCALITY",
  UINT8,
  { TPM_LOC_ZERO: 0, TPM_LOC_ONE: 1, TPM_LOC_TWO: 2, TPM_LOC_THREE: 3, TPM_LOC_FOUR: 4, Extended: [7, 5] },
  "kept",
);

/** @spec Part 2, "TPMA_PERMANENT" */
export const TPMA_PERMANENT = bits("TPMA_PERMANENT", UINT32, {
  ownerAuthSet: 0,
  endorsementAuthSet: 1,
  lockoutAuthSet: 2,
  disableClear: 8,
  inLockout: 9,
  tpmGeneratedEPS: 10,
});

/** @spec Part 2, "TPMA_STARTUP_CLEAR" */
export const TPMA_STARTUP_CLEAR = bits("TPMA_STARTUP_CLEAR", UINT32, {
  phEnable: 0,
  shEnable: 1,
  ehEnable: 2,
  phEnableNV: 3,
  readOnly: 4,
  orderly: 31,
});

/** @spec Part 2, "TPMA_MEMORY" */
export const TPMA_MEMORY = bits("TPMA_MEMORY", UINT32, { sharedRAM: 0, sharedNV: 1, objectCopiedToRam: 2 });

/**
 * A command and what its execution touches.
 *
 * @spec Part 2, "TPMA_CC (Command Code Attributes)"
 */
export const TPMA_CC = bits("TPMA_CC", UINT32, {
  commandIndex: [15, 0],
  nv: 22,
  extensive: 23,
  flushed: 24,
  cHandles: [27, 25],
  rHandle: 28,
  V: 29,
});

/** @spec Part 2, "TPMA_MODES" */
export const TPMA_MODES = bits("TPMA_MODES", UINT32, {
  FIPS_140_2: 0,
  FIPS_140_3: 1,
  FIPS_140_3_INDICATOR: [3, 2],
});

/**
 * The key usage extension of a certificate; its first bit is the highest.
 *
 * @spec Part 2, "TPMA_X509_KEY_USAGE"
 */
export const TPMA_X509_KEY_USAGE = bits("TPMA_X509_KEY_USAGE", UINT32, {
  decipherOnly: 23,
  encipherOnly: 24,
  cRLSign: 25,
  keyCertSign: 26,
  keyAgreement: 27,
  dataEncipherment: 28,
  keyEncipherment: 29,
  nonrepudiation: 30,
  digitalSignature: 31,
});

/** @spec Part 2, "TPMA_ACT" */
export const TPMA_ACT = bits("TPMA_ACT", UINT32, { signaled: 0, preserveSignaled: 1 });

/**
 * What an NV Index holds, who may read and write it, and what has happened to it.
 *
 * @spec Part 2, "TPMA_NV (NV Index Attributes)"
 */
export const TPMA_NV = bits("TPMA_NV", UINT32, {
  PPWRITE: 0,
  OWNERWRITE: 1,
  AUTHWRITE: 2,
  POLICYWRITE: 3,
  TPM_NT: [7, 4],
  POLICY_DELETE: 10,
  WRITELOCKED: 11,
  WRITEALL: 12,
  WRITEDEFINE: 13,
  WRITE_STCLEAR: 14,
  GLOBALLOCK: 15,
  PPREAD: 16,
  OWNERREAD: 17,
  AUTHREAD: 18,
  POLICYREAD: 19,
  NO_DA: 25,
  ORDERLY: 26,
  CLEAR_STCLEAR: 27,
  READLOCKED: 28,
  WRITTEN: 29,
  PLATFORMCREATE: 30,
  READ_STCLEAR: 31,
});
