import { sized, struct, type TypeOf, UINT16, union } from "@vtpm/wire";
import { TPM_ALG } from "../constants.ts";
import { TPMT_HA } from "./base-structures.ts";
import { TPM_ECC_CURVE_ID } from "./constant-types.ts";
import { keyBits, tpm2b } from "./declare.ts";
import {
  TPMI_ALG_ASYM_SCHEME,
  TPMI_ALG_ASYM_SCHEME_NULLABLE,
  TPMI_ALG_ECC_SCHEME,
  TPMI_ALG_ECC_SCHEME_NULLABLE,
  TPMI_ALG_HASH,
  TPMI_ALG_KDF,
  TPMI_ALG_KDF_NULLABLE,
  TPMI_ALG_KEYEDHASH_SCHEME,
  TPMI_ALG_KEYEDHASH_SCHEME_NULLABLE,
  TPMI_ALG_RSA_DECRYPT,
  TPMI_ALG_RSA_DECRYPT_NULLABLE,
  TPMI_ALG_RSA_SCHEME,
  TPMI_ALG_RSA_SCHEME_NULLABLE,
  TPMI_ALG_SIG_SCHEME,
  TPMI_ALG_SIG_SCHEME_NULLABLE,
} from "./interface-types.ts";

/** @spec Part 2, "TPMS_SCHEME_HASH" */
export const TPMS_SCHEME_HASH = struct("TPMS_SCHEME_HASH", { hashAlg: TPMI_ALG_HASH });
export type TPMS_SCHEME_HASH = TypeOf<typeof TPMS_SCHEME_HASH>;

/** @spec Part 2, "TPMS_SCHEME_ECDAA" */
export const TPMS_SCHEME_ECDAA = struct("TPMS_SCHEME_ECDAA", { hashAlg: TPMI_ALG_HASH, count: UINT16 });
export type TPMS_SCHEME_ECDAA = TypeOf<typeof TPMS_SCHEME_ECDAA>;

/** @spec Part 2, "HMAC_SIG_SCHEME" */
export const TPMS_SCHEME_HMAC = struct("TPMS_SCHEME_HMAC", { hashAlg: TPMI_ALG_HASH });
export type TPMS_SCHEME_HMAC = TypeOf<typeof TPMS_SCHEME_HMAC>;

/** @spec Part 2, "TPMS_SCHEME_XOR" */
export const TPMS_SCHEME_XOR = struct("TPMS_SCHEME_XOR", { hashAlg: TPMI_ALG_HASH, kdf: TPMI_ALG_KDF_NULLABLE });
export type TPMS_SCHEME_XOR = TypeOf<typeof TPMS_SCHEME_XOR>;

const KEYEDHASH_SCHEMES = {
  [TPM_ALG.HMAC]: { details: TPMS_SCHEME_HMAC },
  [TPM_ALG.XOR]: { details: TPMS_SCHEME_XOR },
} as const;

/** @spec Part 2, "TPMT_KEYEDHASH_SCHEME" */
export const TPMT_KEYEDHASH_SCHEME = union(
  "TPMT_KEYEDHASH_SCHEME",
  { scheme: TPMI_ALG_KEYEDHASH_SCHEME },
  "scheme",
  KEYEDHASH_SCHEMES,
);
export type TPMT_KEYEDHASH_SCHEME = TypeOf<typeof TPMT_KEYEDHASH_SCHEME>;
export const TPMT_KEYEDHASH_SCHEME_NULLABLE = union(
  "TPMT_KEYEDHASH_SCHEME+",
  { scheme: TPMI_ALG_KEYEDHASH_SCHEME_NULLABLE },
  "scheme",
  { ...KEYEDHASH_SCHEMES, [TPM_ALG.NULL]: {} },
);
export type TPMT_KEYEDHASH_SCHEME_NULLABLE = TypeOf<typeof TPMT_KEYEDHASH_SCHEME_NULLABLE>;

/** @spec Part 2, "RSA Signature Schemes" */
export const TPMS_SIG_SCHEME_RSASSA = struct("TPMS_SIG_SCHEME_RSASSA", { hashAlg: TPMI_ALG_HASH });
/** @spec Part 2, "RSA Signature Schemes" */
export const TPMS_SIG_SCHEME_RSAPSS = struct("TPMS_SIG_SCHEME_RSAPSS", { hashAlg: TPMI_ALG_HASH });
/** @spec Part 2, "ECC Signature Schemes" */
export const TPMS_SIG_SCHEME_ECDSA = struct("TPMS_SIG_SCHEME_ECDSA", { hashAlg: TPMI_ALG_HASH });
/** @spec Part 2, "ECC Signature Schemes" */
export const TPMS_SIG_SCHEME_SM2 = struct("TPMS_SIG_SCHEME_SM2", { hashAlg: TPMI_ALG_HASH });
/** @spec Part 2, "ECC Signature Schemes" */
export const TPMS_SIG_SCHEME_ECSCHNORR = struct("TPMS_SIG_SCHEME_ECSCHNORR", { hashAlg: TPMI_ALG_HASH });
/** @spec Part 2, "ECC Signature Schemes" */
export const TPMS_SIG_SCHEME_ECDAA = struct("TPMS_SIG_SCHEME_ECDAA", { hashAlg: TPMI_ALG_HASH, count: UINT16 });

const RSA_SIGNATURE_SCHEMES = {
  [TPM_ALG.RSASSA]: { details: TPMS_SIG_SCHEME_RSASSA },
  [TPM_ALG.RSAPSS]: { details: TPMS_SIG_SCHEME_RSAPSS },
} as const;
const ECC_SIGNATURE_SCHEMES = {
  [TPM_ALG.ECDSA]: { details: TPMS_SIG_SCHEME_ECDSA },
  [TPM_ALG.ECDAA]: { details: TPMS_SIG_SCHEME_ECDAA },
  [TPM_ALG.SM2]: { details: TPMS_SIG_SCHEME_SM2 },
  [TPM_ALG.ECSCHNORR]: { details: TPMS_SIG_SCHEME_ECSCHNORR },
} as const;
const SIGNATURE_SCHEMES = {
  ...RSA_SIGNATURE_SCHEMES,
  ...ECC_SIGNATURE_SCHEMES,
  [TPM_ALG.HMAC]: { details: TPMS_SCHEME_HMAC },
} as const;

/** @spec Part 2, "TPMT_SIG_SCHEME" */
export const TPMT_SIG_SCHEME = union("TPMT_SIG_SCHEME", { scheme: TPMI_ALG_SIG_SCHEME }, "scheme", SIGNATURE_SCHEMES);
export type TPMT_SIG_SCHEME = TypeOf<typeof TPMT_SIG_SCHEME>;
export const TPMT_SIG_SCHEME_NULLABLE = union("TPMT_SIG_SCHEME+", { scheme: TPMI_ALG_SIG_SCHEME_NULLABLE }, "scheme", {
  ...SIGNATURE_SCHEMES,
  [TPM_ALG.NULL]: {},
});
export type TPMT_SIG_SCHEME_NULLABLE = TypeOf<typeof TPMT_SIG_SCHEME_NULLABLE>;

/** @spec Part 2, "Encryption Schemes" */
export const TPMS_ENC_SCHEME_OAEP = struct("TPMS_ENC_SCHEME_OAEP", { hashAlg: TPMI_ALG_HASH });
/** @spec Part 2, "Encryption Schemes" */
export const TPMS_ENC_SCHEME_RSAES = struct("TPMS_ENC_SCHEME_RSAES", {});
/** @spec Part 2, "Key Exchange Schemes" */
export const TPMS_KEY_SCHEME_ECDH = struct("TPMS_KEY_SCHEME_ECDH", { hashAlg: TPMI_ALG_HASH });
/** @spec Part 2, "Key Exchange Schemes" */
export const TPMS_KEY_SCHEME_ECMQV = struct("TPMS_KEY_SCHEME_ECMQV", { hashAlg: TPMI_ALG_HASH });
/** @spec Part 2, "KDF Schemes" */
export const TPMS_KDF_SCHEME_MGF1 = struct("TPMS_KDF_SCHEME_MGF1", { hashAlg: TPMI_ALG_HASH });
/** @spec Part 2, "KDF Schemes" */
export const TPMS_KDF_SCHEME_KDF1_SP800_56A = struct("TPMS_KDF_SCHEME_KDF1_SP800_56A", { hashAlg: TPMI_ALG_HASH });
/** @spec Part 2, "KDF Schemes" */
export const TPMS_KDF_SCHEME_KDF2 = struct("TPMS_KDF_SCHEME_KDF2", { hashAlg: TPMI_ALG_HASH });
/** @spec Part 2, "KDF Schemes" */
export const TPMS_KDF_SCHEME_KDF1_SP800_108 = struct("TPMS_KDF_SCHEME_KDF1_SP800_108", { hashAlg: TPMI_ALG_HASH });

const KDF_SCHEMES = {
  [TPM_ALG.MGF1]: { details: TPMS_KDF_SCHEME_MGF1 },
  [TPM_ALG.KDF1_SP800_56A]: { details: TPMS_KDF_SCHEME_KDF1_SP800_56A },
  [TPM_ALG.KDF2]: { details: TPMS_KDF_SCHEME_KDF2 },
  [TPM_ALG.KDF1_SP800_108]: { details: TPMS_KDF_SCHEME_KDF1_SP800_108 },
} as const;

/** @spec Part 2, "TPMT_KDF_SCHEME" */
export const TPMT_KDF_SCHEME = union("TPMT_KDF_SCHEME", { scheme: TPMI_ALG_KDF }, "scheme", KDF_SCHEMES);
export type TPMT_KDF_SCHEME = TypeOf<typeof TPMT_KDF_SCHEME>;
export const TPMT_KDF_SCHEME_NULLABLE = union("TPMT_KDF_SCHEME+", { scheme: TPMI_ALG_KDF_NULLABLE }, "scheme", {
  ...KDF_SCHEMES,
  [TPM_ALG.NULL]: {},
});
export type TPMT_KDF_SCHEME_NULLABLE = TypeOf<typeof TPMT_KDF_SCHEME_NULLABLE>;

const RSA_ENCRYPTION_SCHEMES = {
  [TPM_ALG.RSAES]: { details: TPMS_ENC_SCHEME_RSAES },
  [TPM_ALG.OAEP]: { details: TPMS_ENC_SCHEME_OAEP },
} as const;
const RSA_SCHEMES = { ...RSA_SIGNATURE_SCHEMES, ...RSA_ENCRYPTION_SCHEMES } as const;
const ECC_SCHEMES = {
  ...ECC_SIGNATURE_SCHEMES,
  [TPM_ALG.ECDH]: { details: TPMS_KEY_SCHEME_ECDH },
  [TPM_ALG.ECMQV]: { details: TPMS_KEY_SCHEME_ECMQV },
} as const;
const ASYM_SCHEMES = { ...RSA_SCHEMES, ...ECC_SCHEMES } as const;

/** @spec Part 2, "TPMT_ASYM_SCHEME" */
export const TPMT_ASYM_SCHEME = union("TPMT_ASYM_SCHEME", { scheme: TPMI_ALG_ASYM_SCHEME }, "scheme", ASYM_SCHEMES);
export type TPMT_ASYM_SCHEME = TypeOf<typeof TPMT_ASYM_SCHEME>;
export const TPMT_ASYM_SCHEME_NULLABLE = union(
  "TPMT_ASYM_SCHEME+",
  { scheme: TPMI_ALG_ASYM_SCHEME_NULLABLE },
  "scheme",
  { ...ASYM_SCHEMES, [TPM_ALG.NULL]: {} },
);
export type TPMT_ASYM_SCHEME_NULLABLE = TypeOf<typeof TPMT_ASYM_SCHEME_NULLABLE>;

/** @spec Part 2, "TPMT_RSA_SCHEME" */
export const TPMT_RSA_SCHEME = union("TPMT_RSA_SCHEME", { scheme: TPMI_ALG_RSA_SCHEME }, "scheme", RSA_SCHEMES);
export type TPMT_RSA_SCHEME = TypeOf<typeof TPMT_RSA_SCHEME>;
export const TPMT_RSA_SCHEME_NULLABLE = union("TPMT_RSA_SCHEME+", { scheme: TPMI_ALG_RSA_SCHEME_NULLABLE }, "scheme", {
  ...RSA_SCHEMES,
  [TPM_ALG.NULL]: {},
});
export type TPMT_RSA_SCHEME_NULLABLE = TypeOf<typeof TPMT_RSA_SCHEME_NULLABLE>;

/** @spec Part 2, "TPMT_RSA_DECRYPT" */
export const TPMT_RSA_DECRYPT = union(
  "TPMT_RSA_DECRYPT",
  { scheme: TPMI_ALG_RSA_DECRYPT },
  "scheme",
  RSA_ENCRYPTION_SCHEMES,
);
export type TPMT_RSA_DECRYPT = TypeOf<typeof TPMT_RSA_DECRYPT>;
export const TPMT_RSA_DECRYPT_NULLABLE = union(
  "TPMT_RSA_DECRYPT+",
  { scheme: TPMI_ALG_RSA_DECRYPT_NULLABLE },
  "scheme",
  { ...RSA_ENCRYPTION_SCHEMES, [TPM_ALG.NULL]: {} },
);
export type TPMT_RSA_DECRYPT_NULLABLE = TypeOf<typeof TPMT_RSA_DECRYPT_NULLABLE>;

/** @spec Part 2, "TPM2B_PUBLIC_KEY_RSA" */
export const TPM2B_PUBLIC_KEY_RSA = tpm2b("TPM2B_PUBLIC_KEY_RSA", "MAX_RSA_KEY_BYTES");
export type TPM2B_PUBLIC_KEY_RSA = TypeOf<typeof TPM2B_PUBLIC_KEY_RSA>;

/** @spec Part 2, "TPMI_RSA_KEY_BITS" */
export const TPMI_RSA_KEY_BITS = keyBits("TPMI_RSA_KEY_BITS", "RSA_KEY_BITS", [1024, 2048, 3072, 4096]);
export type TPMI_RSA_KEY_BITS = TypeOf<typeof TPMI_RSA_KEY_BITS>;

/**
 * One of the two primes.
 *
 * @spec Part 2, "TPM2B_PRIVATE_KEY_RSA"
 */
export const TPM2B_PRIVATE_KEY_RSA = tpm2b("TPM2B_PRIVATE_KEY_RSA", "RSA_PRIVATE_SIZE");
export type TPM2B_PRIVATE_KEY_RSA = TypeOf<typeof TPM2B_PRIVATE_KEY_RSA>;

/** @spec Part 2, "TPM2B_ECC_PARAMETER" */
export const TPM2B_ECC_PARAMETER = tpm2b("TPM2B_ECC_PARAMETER", "MAX_ECC_KEY_BYTES");
export type TPM2B_ECC_PARAMETER = TypeOf<typeof TPM2B_ECC_PARAMETER>;

/** @spec Part 2, "TPMS_ECC_POINT" */
export const TPMS_ECC_POINT = struct("TPMS_ECC_POINT", { x: TPM2B_ECC_PARAMETER, y: TPM2B_ECC_PARAMETER });
export type TPMS_ECC_POINT = TypeOf<typeof TPMS_ECC_POINT>;

/** @spec Part 2, "TPM2B_ECC_POINT" */
export const TPM2B_ECC_POINT = sized("TPM2B_ECC_POINT", TPMS_ECC_POINT);
export type TPM2B_ECC_POINT = TypeOf<typeof TPM2B_ECC_POINT>;

/** @spec Part 2, "TPMT_ECC_SCHEME" */
export const TPMT_ECC_SCHEME = union("TPMT_ECC_SCHEME", { scheme: TPMI_ALG_ECC_SCHEME }, "scheme", ECC_SCHEMES);
export type TPMT_ECC_SCHEME = TypeOf<typeof TPMT_ECC_SCHEME>;
export const TPMT_ECC_SCHEME_NULLABLE = union("TPMT_ECC_SCHEME+", { scheme: TPMI_ALG_ECC_SCHEME_NULLABLE }, "scheme", {
  ...ECC_SCHEMES,
  [TPM_ALG.NULL]: {},
});
export type TPMT_ECC_SCHEME_NULLABLE = TypeOf<typeof TPMT_ECC_SCHEME_NULLABLE>;

/** @spec Part 2, "TPMS_ALGORITHM_DETAIL_ECC" */
export const TPMS_ALGORITHM_DETAIL_ECC = struct("TPMS_ALGORITHM_DETAIL_ECC", {
  curveID: TPM_ECC_CURVE_ID,
  keySize: UINT16,
  kdf: TPMT_KDF_SCHEME_NULLABLE,
  sign: TPMT_ECC_SCHEME_NULLABLE,
  p: TPM2B_ECC_PARAMETER,
  a: TPM2B_ECC_PARAMETER,
  b: TPM2B_ECC_PARAMETER,
  gX: TPM2B_ECC_PARAMETER,
  gY: TPM2B_ECC_PARAMETER,
  n: TPM2B_ECC_PARAMETER,
  h: TPM2B_ECC_PARAMETER,
});
export type TPMS_ALGORITHM_DETAIL_ECC = TypeOf<typeof TPMS_ALGORITHM_DETAIL_ECC>;

/** @spec Part 2, "TPMS_SIGNATURE_RSA" */
export const TPMS_SIGNATURE_RSA = struct("TPMS_SIGNATURE_RSA", { hash: TPMI_ALG_HASH, sig: TPM2B_PUBLIC_KEY_RSA });
export type TPMS_SIGNATURE_RSA = TypeOf<typeof TPMS_SIGNATURE_RSA>;

/** @spec Part 2, "TPMS_SIGNATURE_ECC" */
export const TPMS_SIGNATURE_ECC = struct("TPMS_SIGNATURE_ECC", {
  hash: TPMI_ALG_HASH,
  signatureR: TPM2B_ECC_PARAMETER,
  signatureS: TPM2B_ECC_PARAMETER,
});
export type TPMS_SIGNATURE_ECC = TypeOf<typeof TPMS_SIGNATURE_ECC>;

const SIGNATURES = {
  [TPM_ALG.RSASSA]: { signature: TPMS_SIGNATURE_RSA },
  [TPM_ALG.RSAPSS]: { signature: TPMS_SIGNATURE_RSA },
  [TPM_ALG.ECDSA]: { signature: TPMS_SIGNATURE_ECC },
  [TPM_ALG.ECDAA]: { signature: TPMS_SIGNATURE_ECC },
  [TPM_ALG.SM2]: { signature: TPMS_SIGNATURE_ECC },
  [TPM_ALG.ECSCHNORR]: { signature: TPMS_SIGNATURE_ECC },
  [TPM_ALG.HMAC]: { signature: TPMT_HA },
} as const;

/** @spec Part 2, "TPMT_SIGNATURE" */
export const TPMT_SIGNATURE = union("TPMT_SIGNATURE", { sigAlg: TPMI_ALG_SIG_SCHEME }, "sigAlg", SIGNATURES);
export type TPMT_SIGNATURE = TypeOf<typeof TPMT_SIGNATURE>;
export const TPMT_SIGNATURE_NULLABLE = union("TPMT_SIGNATURE+", { sigAlg: TPMI_ALG_SIG_SCHEME_NULLABLE }, "sigAlg", {
  ...SIGNATURES,
  [TPM_ALG.NULL]: {},
});
export type TPMT_SIGNATURE_NULLABLE = TypeOf<typeof TPMT_SIGNATURE_NULLABLE>;

/** @spec Part 2, "TPM2B_ENCRYPTED_SECRET" */
export const TPM2B_ENCRYPTED_SECRET = tpm2b("TPM2B_ENCRYPTED_SECRET", "MAX_ENCRYPTED_SECRET_SIZE");
export type TPM2B_ENCRYPTED_SECRET = TypeOf<typeof TPM2B_ENCRYPTED_SECRET>;
