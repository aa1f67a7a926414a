/**
 * The first byte of a handle: what kind of thing it names.
 *
 * @spec Part 2, "TPM_HT (Handle Types)"
 */
export const TPM_HT = {
  PCR: 0x00,
  NV_INDEX: 0x01,
  HMAC_SESSION: 0x02,
  LOADED_SESSION: 0x02,
  POLICY_SESSION: 0x03,
  SAVED_SESSION: 0x03,
  EXTERNAL_NV: 0x11,
  PERMANENT_NV: 0x12,
  PERMANENT: 0x40,
  TRANSIENT: 0x80,
  PERSISTENT: 0x81,
  AC: 0x90,
} as const;
export type TPM_HT = (typeof TPM_HT)[keyof typeof TPM_HT];

/**
 * Handles that always exist, and a few that stand for "none" or "password". `PW` is what the specification calls
 * TPM_RS_PW.
 *
 * @spec Part 2, "TPM_RH (Permanent Handles)"
 */
export const TPM_RH = {
  SRK: 0x40000000,
  OWNER: 0x40000001,
  REVOKE: 0x40000002,
  TRANSPORT: 0x40000003,
  OPERATOR: 0x40000004,
  ADMIN: 0x40000005,
  EK: 0x40000006,
  NULL: 0x40000007,
  UNASSIGNED: 0x40000008,
  PW: 0x40000009,
  RS_PW: 0x40000009,
  LOCKOUT: 0x4000000a,
  ENDORSEMENT: 0x4000000b,
  PLATFORM: 0x4000000c,
  PLATFORM_NV: 0x4000000d,
  AUTH_00: 0x40000010,
  AUTH_FF: 0x4000010f,
  ACT_0: 0x40000110,
  ACT_1: 0x40000111,
  ACT_2: 0x40000112,
  ACT_3: 0x40000113,
  ACT_4: 0x40000114,
  ACT_5: 0x40000115,
  ACT_6: 0x40000116,
  ACT_7: 0x40000117,
  ACT_8: 0x40000118,
  ACT_9: 0x40000119,
  ACT_A: 0x4000011a,
  ACT_B: 0x4000011b,
  ACT_C: 0x4000011c,
  ACT_D: 0x4000011d,
  ACT_E: 0x4000011e,
  ACT_F: 0x4000011f,
  FW_OWNER: 0x40000140,
  FW_ENDORSEMENT: 0x40000141,
  FW_PLATFORM: 0x40000142,
  FW_NULL: 0x40000143,
  SVN_OWNER_BASE: 0x40010000,
  SVN_ENDORSEMENT_BASE: 0x40020000,
  SVN_PLATFORM_BASE: 0x40030000,
  SVN_NULL_BASE: 0x40040000,
} as const;
export type TPM_RH = (typeof TPM_RH)[keyof typeof TPM_RH];

/**
 * Where the ranges of handles begin and end. A TPM uses only the start of the ranges of PCR, sessions and transient objects:
 * how much of them is a limit of the profile.
 *
 * @spec Part 2, "TPM_HC (Handle Value Constants)"
 */
export const HANDLE = {
  PCR_FIRST: 0x00000000,
  NV_INDEX_FIRST: 0x01000000,
  NV_INDEX_LAST: 0x01ffffff,
  EXTERNAL_NV_FIRST: 0x11000000,
  EXTERNAL_NV_LAST: 0x11ffffff,
  PERMANENT_NV_FIRST: 0x12000000,
  PERMANENT_NV_LAST: 0x12ffffff,
  HMAC_SESSION_FIRST: 0x02000000,
  HMAC_SESSION_LAST: 0x02ffffff,
  POLICY_SESSION_FIRST: 0x03000000,
  POLICY_SESSION_LAST: 0x03ffffff,
  PERMANENT_FIRST: 0x40000000,
  PERMANENT_LAST: 0x40ffffff,
  TRANSIENT_FIRST: 0x80000000,
  TRANSIENT_LAST: 0x80ffffff,
  PERSISTENT_FIRST: 0x81000000,
  PLATFORM_PERSISTENT: 0x81800000,
  PERSISTENT_LAST: 0x81ffffff,
  AC_FIRST: 0x90000000,
  AC_LAST: 0x9000ffff,
} as const;

/** The type of a handle (`TPM_HT`): its most significant byte. */
export const handleTypeOf = (handle: number): number => Math.floor(handle / 2 ** 24);
