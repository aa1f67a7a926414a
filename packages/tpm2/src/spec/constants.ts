/**
 * Algorithms, and what names a scheme, a mode or a type of object.
 *
 * @spec Part 2, "TPM_ALG_ID"
 */
export const TPM_ALG = {
  ERROR: 0x0000,
  RSA: 0x0001,
  TDES: 0x0003,
  SHA1: 0x0004,
  HMAC: 0x0005,
  AES: 0x0006,
  MGF1: 0x0007,
  KEYEDHASH: 0x0008,
  XOR: 0x000a,
  SHA256: 0x000b,
  SHA384: 0x000c,
  SHA512: 0x000d,
  SHA256_192: 0x000e,
  NULL: 0x0010,
  SM3_256: 0x0012,
  SM4: 0x0013,
  RSASSA: 0x0014,
  RSAES: 0x0015,
  RSAPSS: 0x0016,
  OAEP: 0x0017,
  ECDSA: 0x0018,
  ECDH: 0x0019,
  ECDAA: 0x001a,
  SM2: 0x001b,
  ECSCHNORR: 0x001c,
  ECMQV: 0x001d,
  KDF1_SP800_56A: 0x0020,
  KDF2: 0x0021,
  KDF1_SP800_108: 0x0022,
  ECC: 0x0023,
  SYMCIPHER: 0x0025,
  CAMELLIA: 0x0026,
  SHA3_256: 0x0027,
  SHA3_384: 0x0028,
  SHA3_512: 0x0029,
  SHAKE128: 0x002a,
  SHAKE256: 0x002b,
  SHAKE256_192: 0x002c,
  SHAKE256_256: 0x002d,
  SHAKE256_512: 0x002e,
  CMAC: 0x003f,
  CTR: 0x0040,
  OFB: 0x0041,
  CBC: 0x0042,
  CFB: 0x0043,
  ECB: 0x0044,
  CCM: 0x0050,
  GCM: 0x0051,
  KW: 0x0052,
  KWP: 0x0053,
  EAX: 0x0054,
  EDDSA: 0x0060,
  EDDSA_PH: 0x0061,
  LMS: 0x0070,
  XMSS: 0x0071,
} as const;
export type TPM_ALG = (typeof TPM_ALG)[keyof typeof TPM_ALG];

/**
 * Curves by their registered number.
 *
 * @spec Part 2, "TPM_ECC_CURVE"
 */
export const TPM_ECC_CURVE = {
  NONE: 0x0000,
  NIST_P192: 0x0001,
  NIST_P224: 0x0002,
  NIST_P256: 0x0003,
  NIST_P384: 0x0004,
  NIST_P521: 0x0005,
  BN_P256: 0x0010,
  BN_P638: 0x0011,
  SM2_P256: 0x0020,
  BP_P256_R1: 0x0030,
  BP_P384_R1: 0x0031,
  BP_P512_R1: 0x0032,
  CURVE_25519: 0x0040,
  CURVE_448: 0x0041,
} as const;
export type TPM_ECC_CURVE = (typeof TPM_ECC_CURVE)[keyof typeof TPM_ECC_CURVE];

/**
 * What a message or a structure that is signed or ticketed begins with.
 *
 * @spec Part 2, "TPM_ST (Structure Tags)"
 */
export const TPM_ST = {
  RSP_COMMAND: 0x00c4,
  NULL: 0x8000,
  NO_SESSIONS: 0x8001,
  SESSIONS: 0x8002,
  ATTEST_NV: 0x8014,
  ATTEST_COMMAND_AUDIT: 0x8015,
  ATTEST_SESSION_AUDIT: 0x8016,
  ATTEST_CERTIFY: 0x8017,
  ATTEST_QUOTE: 0x8018,
  ATTEST_TIME: 0x8019,
  ATTEST_CREATION: 0x801a,
  ATTEST_NV_DIGEST: 0x801c,
  CREATION: 0x8021,
  VERIFIED: 0x8022,
  AUTH_SECRET: 0x8023,
  HASHCHECK: 0x8024,
  AUTH_SIGNED: 0x8025,
  FU_MANIFEST: 0x8029,
} as const;
export type TPM_ST = (typeof TPM_ST)[keyof typeof TPM_ST];

/**
 * What happened before a startup, or is to be kept over a shutdown.
 *
 * @spec Part 2, "TPM_SU (Startup Type)"
 */
export const TPM_SU = {
  CLEAR: 0x0000,
  STATE: 0x0001,
} as const;
export type TPM_SU = (typeof TPM_SU)[keyof typeof TPM_SU];

/**
 * Kinds of sessions.
 *
 * @spec Part 2, "TPM_SE (Session Type)"
 */
export const TPM_SE = {
  HMAC: 0x00,
  POLICY: 0x01,
  TRIAL: 0x03,
} as const;
export type TPM_SE = (typeof TPM_SE)[keyof typeof TPM_SE];

/**
 * What can be asked for with TPM2_GetCapability.
 *
 * @spec Part 2, "TPM_CAP (Capabilities)"
 */
export const TPM_CAP = {
  ALGS: 0x00000000,
  HANDLES: 0x00000001,
  COMMANDS: 0x00000002,
  PP_COMMANDS: 0x00000003,
  AUDIT_COMMANDS: 0x00000004,
  PCRS: 0x00000005,
  TPM_PROPERTIES: 0x00000006,
  PCR_PROPERTIES: 0x00000007,
  ECC_CURVES: 0x00000008,
  AUTH_POLICIES: 0x00000009,
  ACT: 0x0000000a,
  PUB_KEYS: 0x0000000b,
  SPDM_SESSION_INFO: 0x0000000c,
  VENDOR_PROPERTY: 0x00000100,
} as const;
export type TPM_CAP = (typeof TPM_CAP)[keyof typeof TPM_CAP];

/**
 * How TPM2_PolicyNV and TPM2_PolicyCounterTimer compare.
 *
 * @spec Part 2, "TPM_EO (EA Arithmetic Operands)"
 */
export const TPM_EO = {
  EQ: 0x0000,
  NEQ: 0x0001,
  SIGNED_GT: 0x0002,
  UNSIGNED_GT: 0x0003,
  SIGNED_LT: 0x0004,
  UNSIGNED_LT: 0x0005,
  SIGNED_GE: 0x0006,
  UNSIGNED_GE: 0x0007,
  SIGNED_LE: 0x0008,
  UNSIGNED_LE: 0x0009,
  BITSET: 0x000a,
  BITCLEAR: 0x000b,
} as const;
export type TPM_EO = (typeof TPM_EO)[keyof typeof TPM_EO];

/**
 * Steps of the clock rate. Signed on the wire; here the byte as it is sent, so that -3 is 0xfd.
 *
 * @spec Part 2, "TPM_CLOCK_ADJUST"
 */
export const TPM_CLOCK_ADJUST = {
  COARSE_SLOWER: 0xfd,
  MEDIUM_SLOWER: 0xfe,
  FINE_SLOWER: 0xff,
  NO_CHANGE: 0x00,
  FINE_FASTER: 0x01,
  MEDIUM_FASTER: 0x02,
  COARSE_FASTER: 0x03,
} as const;
export type TPM_CLOCK_ADJUST = (typeof TPM_CLOCK_ADJUST)[keyof typeof TPM_CLOCK_ADJUST];

/**
 * Kinds of NV Indices, as TPMA_NV holds them.
 *
 * @spec Part 2, "TPM_NT"
 */
export const TPM_NT = {
  ORDINARY: 0x0,
  COUNTER: 0x1,
  BITS: 0x2,
  EXTEND: 0x4,
  PIN_FAIL: 0x8,
  PIN_PASS: 0x9,
} as const;
export type TPM_NT = (typeof TPM_NT)[keyof typeof TPM_NT];

/**
 * Platform specifications that a TPM may be made for.
 *
 * @spec Part 2, "TPM_PS (Platform Specific)"
 */
export const TPM_PS = {
  MAIN: 0x00000000,
  PC: 0x00000001,
  PDA: 0x00000002,
  CELL_PHONE: 0x00000003,
  SERVER: 0x00000004,
  PERIPHERAL: 0x00000005,
  TSS: 0x00000006,
  STORAGE: 0x00000007,
  AUTHENTICATION: 0x00000008,
  EMBEDDED: 0x00000009,
  HARDCOPY: 0x0000000a,
  INFRASTRUCTURE: 0x0000000b,
  VIRTUALIZATION: 0x0000000c,
  TNC: 0x0000000d,
  MULTI_TENANT: 0x0000000e,
  TC: 0x0000000f,
} as const;
export type TPM_PS = (typeof TPM_PS)[keyof typeof TPM_PS];

/**
 * Public keys of the TPM itself.
 *
 * @spec Part 2, "TPM_PUB_KEY"
 */
export const TPM_PUB_KEY = {
  TPM_SPDM_00: 0x00000000,
} as const;
export type TPM_PUB_KEY = (typeof TPM_PUB_KEY)[keyof typeof TPM_PUB_KEY];

/**
 * What an attached component is asked for.
 *
 * @spec Part 2, "TPM_AT"
 */
export const TPM_AT = {
  ANY: 0x00000000,
  ERROR: 0x00000001,
  PV1: 0x00000002,
  VEND: 0x80000000,
} as const;
export type TPM_AT = (typeof TPM_AT)[keyof typeof TPM_AT];

/** What every attestation structure begins with, so that a key can tell it from foreign data: 0xff and "TCG". */
export const TPM_GENERATED_VALUE = 0xff544347;

/** @spec Part 2, "TPMI_YES_NO" */
export const NO = 0;
/** @spec Part 2, "TPMI_YES_NO" */
export const YES = 1;
