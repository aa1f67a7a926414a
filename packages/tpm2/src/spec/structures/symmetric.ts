import { sized, struct, type TypeOf, union } from "@vtpm/wire";
import { TPM_ALG } from "../constants.ts";
import { TPM2B_AUTH } from "./base-structures.ts";
import { keyBits, tpm2b } from "./declare.ts";
import {
  TPMI_ALG_HASH,
  TPMI_ALG_SYM,
  TPMI_ALG_SYM_MODE_NULLABLE,
  TPMI_ALG_SYM_NULLABLE,
  TPMI_ALG_SYM_OBJECT,
  TPMI_ALG_SYM_OBJECT_NULLABLE,
} from "./interface-types.ts";

/** @spec Part 2, "TPMI_AES_KEY_BITS" */
export const TPMI_AES_KEY_BITS = keyBits("TPMI_AES_KEY_BITS", "AES_KEY_BITS", [128, 192, 256]);
export type TPMI_AES_KEY_BITS = TypeOf<typeof TPMI_AES_KEY_BITS>;

/** @spec Part 2, "TPMI_SM4_KEY_BITS" */
export const TPMI_SM4_KEY_BITS = keyBits("TPMI_SM4_KEY_BITS", "SM4_KEY_BITS", [128]);
export type TPMI_SM4_KEY_BITS = TypeOf<typeof TPMI_SM4_KEY_BITS>;

/** @spec Part 2, "TPMI_CAMELLIA_KEY_BITS" */
export const TPMI_CAMELLIA_KEY_BITS = keyBits("TPMI_CAMELLIA_KEY_BITS", "CAMELLIA_KEY_BITS", [128, 192, 256]);
export type TPMI_CAMELLIA_KEY_BITS = TypeOf<typeof TPMI_CAMELLIA_KEY_BITS>;

/** Not in the library any more, but in libtpms. */
export const TPMI_TDES_KEY_BITS = keyBits("TPMI_TDES_KEY_BITS", "TDES_KEY_BITS", [128, 192]);
export type TPMI_TDES_KEY_BITS = TypeOf<typeof TPMI_TDES_KEY_BITS>;

const BLOCK_CIPHERS = {
  [TPM_ALG.AES]: { keyBits: TPMI_AES_KEY_BITS, mode: TPMI_ALG_SYM_MODE_NULLABLE },
  [TPM_ALG.SM4]: { keyBits: TPMI_SM4_KEY_BITS, mode: TPMI_ALG_SYM_MODE_NULLABLE },
  [TPM_ALG.CAMELLIA]: { keyBits: TPMI_CAMELLIA_KEY_BITS, mode: TPMI_ALG_SYM_MODE_NULLABLE },
  [TPM_ALG.TDES]: { keyBits: TPMI_TDES_KEY_BITS, mode: TPMI_ALG_SYM_MODE_NULLABLE },
} as const;

/** The "key size" of XOR obfuscation is its hash algorithm; it has no mode. */
const SESSION_CIPHERS = { ...BLOCK_CIPHERS, [TPM_ALG.XOR]: { keyBits: TPMI_ALG_HASH } } as const;

/** @spec Part 2, "TPMT_SYM_DEF" */
export const TPMT_SYM_DEF = union("TPMT_SYM_DEF", { algorithm: TPMI_ALG_SYM }, "algorithm", SESSION_CIPHERS);
export type TPMT_SYM_DEF = TypeOf<typeof TPMT_SYM_DEF>;
export const TPMT_SYM_DEF_NULLABLE = union("TPMT_SYM_DEF+", { algorithm: TPMI_ALG_SYM_NULLABLE }, "algorithm", {
  ...SESSION_CIPHERS,
  [TPM_ALG.NULL]: {},
});
export type TPMT_SYM_DEF_NULLABLE = TypeOf<typeof TPMT_SYM_DEF_NULLABLE>;

/** @spec Part 2, "TPMT_SYM_DEF_OBJECT" */
export const TPMT_SYM_DEF_OBJECT = union(
  "TPMT_SYM_DEF_OBJECT",
  { algorithm: TPMI_ALG_SYM_OBJECT },
  "algorithm",
  BLOCK_CIPHERS,
);
export type TPMT_SYM_DEF_OBJECT = TypeOf<typeof TPMT_SYM_DEF_OBJECT>;
export const TPMT_SYM_DEF_OBJECT_NULLABLE = union(
  "TPMT_SYM_DEF_OBJECT+",
  { algorithm: TPMI_ALG_SYM_OBJECT_NULLABLE },
  "algorithm",
  { ...BLOCK_CIPHERS, [TPM_ALG.NULL]: {} },
);
export type TPMT_SYM_DEF_OBJECT_NULLABLE = TypeOf<typeof TPMT_SYM_DEF_OBJECT_NULLABLE>;

/** @spec Part 2, "TPM2B_SYM_KEY" */
export const TPM2B_SYM_KEY = tpm2b("TPM2B_SYM_KEY", "MAX_SYM_KEY_BYTES");
export type TPM2B_SYM_KEY = TypeOf<typeof TPM2B_SYM_KEY>;

/** @spec Part 2, "TPMS_SYMCIPHER_PARMS" */
export const TPMS_SYMCIPHER_PARMS = struct("TPMS_SYMCIPHER_PARMS", { sym: TPMT_SYM_DEF_OBJECT });
export type TPMS_SYMCIPHER_PARMS = TypeOf<typeof TPMS_SYMCIPHER_PARMS>;

/** @spec Part 2, "TPM2B_LABEL" */
export const TPM2B_LABEL = tpm2b("TPM2B_LABEL", "LABEL_MAX_BUFFER");
export type TPM2B_LABEL = TypeOf<typeof TPM2B_LABEL>;

/** @spec Part 2, "TPMS_DERIVE" */
export const TPMS_DERIVE = struct("TPMS_DERIVE", { label: TPM2B_LABEL, context: TPM2B_LABEL });
export type TPMS_DERIVE = TypeOf<typeof TPMS_DERIVE>;

/** @spec Part 2, "TPM2B_DERIVE" */
export const TPM2B_DERIVE = sized("TPM2B_DERIVE", TPMS_DERIVE);
export type TPM2B_DERIVE = TypeOf<typeof TPM2B_DERIVE>;

/** @spec Part 2, "TPM2B_SENSITIVE_DATA" */
export const TPM2B_SENSITIVE_DATA = tpm2b("TPM2B_SENSITIVE_DATA", "MAX_SYM_DATA");
export type TPM2B_SENSITIVE_DATA = TypeOf<typeof TPM2B_SENSITIVE_DATA>;

/** @spec Part 2, "TPMS_SENSITIVE_CREATE" */
export const TPMS_SENSITIVE_CREATE = struct("TPMS_SENSITIVE_CREATE", {
  userAuth: TPM2B_AUTH,
  data: TPM2B_SENSITIVE_DATA,
});
export type TPMS_SENSITIVE_CREATE = TypeOf<typeof TPMS_SENSITIVE_CREATE>;

/** @spec Part 2, "TPM2B_SENSITIVE_CREATE" */
export const TPM2B_SENSITIVE_CREATE = sized("TPM2B_SENSITIVE_CREATE", TPMS_SENSITIVE_CREATE);
export type TPM2B_SENSITIVE_CREATE = TypeOf<typeof TPM2B_SENSITIVE_CREATE>;
