/** First word of every answer on the control channel; TPM 1.2's codes, whatever the TPM is. */
export const RESULT = {
  SUCCESS: 0,
  BAD_PARAMETER: 3,
  FAIL: 9,
  BAD_ORDINAL: 10,
  KEY_NOT_FOUND: 13,
  SIZE: 23,
  IO_ERROR: 31,
  DECRYPT_ERROR: 33,
  BAD_KEY_PROPERTY: 40,
  BAD_DATA_SIZE: 43,
  BAD_VERSION: 46,
  BAD_LOCALITY: 61,
  NO_SUCH_BLOB: 0x800,
} as const;
export type Result = number;
