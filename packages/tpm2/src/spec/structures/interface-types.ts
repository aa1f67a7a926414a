import { BYTE, choice, type TypeOf, UINT16 } from "@vtpm/wire";
import { TPM_ALG, TPM_ECC_CURVE, TPM_ST } from "../constants.ts";
import { HANDLE, TPM_RH } from "../handles.ts";
import { TPM_ALG_ID, TPM_ST_ID } from "./constant-types.ts";
import { algorithm, handle, permanentHandle } from "./declare.ts";

// Where the specification writes `+` behind a type, the variant with the null value is called `_NULLABLE` here.

const HMAC_SESSIONS = [HANDLE.HMAC_SESSION_FIRST, "MAX_ACTIVE_SESSIONS"] as const;
const POLICY_SESSIONS = [HANDLE.POLICY_SESSION_FIRST, "MAX_ACTIVE_SESSIONS"] as const;
const TRANSIENT_OBJECTS = [HANDLE.TRANSIENT_FIRST, "MAX_LOADED_OBJECTS"] as const;
const PERSISTENT_OBJECTS = [HANDLE.PERSISTENT_FIRST, HANDLE.PERSISTENT_LAST] as const;
const PCRS = [HANDLE.PCR_FIRST, "IMPLEMENTATION_PCR"] as const;
const NV_INDICES = [HANDLE.NV_INDEX_FIRST, HANDLE.NV_INDEX_LAST] as const;
const EXTERNAL_NV_INDICES = [HANDLE.EXTERNAL_NV_FIRST, "EXTERNAL_NV_HANDLES"] as const;
const PERMANENT_NV_INDICES = [HANDLE.PERMANENT_NV_FIRST, "PERMANENT_NV_HANDLES"] as const;
/** One for each base hierarchy, and behind each other those of the SVNs. */
const FIRMWARE_HIERARCHIES = [TPM_RH.FW_OWNER, "FIRMWARE_HIERARCHIES"] as const;
const SVN_HIERARCHIES = [TPM_RH.SVN_OWNER_BASE, "SVN_HIERARCHIES"] as const;

/** @spec Part 2, "TPMI_YES_NO" */
export const TPMI_YES_NO = choice("TPMI_YES_NO", BYTE, { values: [0, 1], names: { NO: 0, YES: 1 }, reason: "VALUE" });
export type TPMI_YES_NO = TypeOf<typeof TPMI_YES_NO>;

/** @spec Part 2, "TPMI_DH_OBJECT" */
export const TPMI_DH_OBJECT = handle("TPMI_DH_OBJECT", [TRANSIENT_OBJECTS, PERSISTENT_OBJECTS]);
export type TPMI_DH_OBJECT = TypeOf<typeof TPMI_DH_OBJECT>;
export const TPMI_DH_OBJECT_NULLABLE = TPMI_DH_OBJECT.plus(TPM_RH.NULL);

/** @spec Part 2, "TPMI_DH_PARENT" */
export const TPMI_DH_PARENT = handle(
  "TPMI_DH_PARENT",
  [TRANSIENT_OBJECTS, PERSISTENT_OBJECTS, FIRMWARE_HIERARCHIES, SVN_HIERARCHIES],
  [TPM_RH.OWNER, TPM_RH.PLATFORM, TPM_RH.ENDORSEMENT],
);
export type TPMI_DH_PARENT = TypeOf<typeof TPMI_DH_PARENT>;
export const TPMI_DH_PARENT_NULLABLE = TPMI_DH_PARENT.plus(TPM_RH.NULL);

/** @spec Part 2, "TPMI_DH_PERSISTENT" */
export const TPMI_DH_PERSISTENT = handle("TPMI_DH_PERSISTENT", [PERSISTENT_OBJECTS]);
export type TPMI_DH_PERSISTENT = TypeOf<typeof TPMI_DH_PERSISTENT>;

/** @spec Part 2, "TPMI_DH_ENTITY" */
export const TPMI_DH_ENTITY = handle(
  "TPMI_DH_ENTITY",
  [TRANSIENT_OBJECTS, PERSISTENT_OBJECTS, NV_INDICES, PCRS, [TPM_RH.AUTH_00, TPM_RH.AUTH_FF]],
  [TPM_RH.OWNER, TPM_RH.ENDORSEMENT, TPM_RH.PLATFORM, TPM_RH.LOCKOUT],
);
export type TPMI_DH_ENTITY = TypeOf<typeof TPMI_DH_ENTITY>;
export const TPMI_DH_ENTITY_NULLABLE = TPMI_DH_ENTITY.plus(TPM_RH.NULL);

/** @spec Part 2, "TPMI_DH_PCR" */
export const TPMI_DH_PCR = handle("TPMI_DH_PCR", [PCRS]);
export type TPMI_DH_PCR = TypeOf<typeof TPMI_DH_PCR>;
export const TPMI_DH_PCR_NULLABLE = TPMI_DH_PCR.plus(TPM_RH.NULL);

/** @spec Part 2, "TPMI_SH_AUTH_SESSION" */
export const TPMI_SH_AUTH_SESSION = handle("TPMI_SH_AUTH_SESSION", [HMAC_SESSIONS, POLICY_SESSIONS]);
export type TPMI_SH_AUTH_SESSION = TypeOf<typeof TPMI_SH_AUTH_SESSION>;
/** Here the null value is the password "session", TPM_RS_PW. */
export const TPMI_SH_AUTH_SESSION_PW = TPMI_SH_AUTH_SESSION.plus(TPM_RH.PW);

/** @spec Part 2, "TPMI_SH_HMAC" */
export const TPMI_SH_HMAC = handle("TPMI_SH_HMAC", [HMAC_SESSIONS]);
export type TPMI_SH_HMAC = TypeOf<typeof TPMI_SH_HMAC>;

/** @spec Part 2, "TPMI_SH_POLICY" */
export const TPMI_SH_POLICY = handle("TPMI_SH_POLICY", [POLICY_SESSIONS]);
export type TPMI_SH_POLICY = TypeOf<typeof TPMI_SH_POLICY>;

/** @spec Part 2, "TPMI_DH_CONTEXT" */
export const TPMI_DH_CONTEXT = handle("TPMI_DH_CONTEXT", [HMAC_SESSIONS, POLICY_SESSIONS, TRANSIENT_OBJECTS]);
export type TPMI_DH_CONTEXT = TypeOf<typeof TPMI_DH_CONTEXT>;

/**
 * What a saved context was: a session by its handle; an object by one of three numbers (ordinary, sequence, stClear).
 *
 * @spec Part 2, "TPMI_DH_SAVED"
 */
export const TPMI_DH_SAVED = handle(
  "TPMI_DH_SAVED",
  [HMAC_SESSIONS, POLICY_SESSIONS],
  [0x80000000, 0x80000001, 0x80000002],
);
export type TPMI_DH_SAVED = TypeOf<typeof TPMI_DH_SAVED>;

/** @spec Part 2, "TPMI_RH_HIERARCHY" */
export const TPMI_RH_HIERARCHY = handle(
  "TPMI_RH_HIERARCHY",
  [FIRMWARE_HIERARCHIES, SVN_HIERARCHIES],
  [TPM_RH.OWNER, TPM_RH.PLATFORM, TPM_RH.ENDORSEMENT],
);
export type TPMI_RH_HIERARCHY = TypeOf<typeof TPMI_RH_HIERARCHY>;
export const TPMI_RH_HIERARCHY_NULLABLE = TPMI_RH_HIERARCHY.plus(TPM_RH.NULL);
export type TPMI_RH_HIERARCHY_NULLABLE = TypeOf<typeof TPMI_RH_HIERARCHY_NULLABLE>;

/** @spec Part 2, "TPMI_RH_ENABLES" */
export const TPMI_RH_ENABLES = permanentHandle("TPMI_RH_ENABLES", [
  TPM_RH.OWNER,
  TPM_RH.PLATFORM,
  TPM_RH.ENDORSEMENT,
  TPM_RH.PLATFORM_NV,
]);
export type TPMI_RH_ENABLES = TypeOf<typeof TPMI_RH_ENABLES>;
export const TPMI_RH_ENABLES_NULLABLE = TPMI_RH_ENABLES.plus(TPM_RH.NULL);

/** @spec Part 2, "TPMI_RH_HIERARCHY_AUTH" */
export const TPMI_RH_HIERARCHY_AUTH = permanentHandle("TPMI_RH_HIERARCHY_AUTH", [
  TPM_RH.OWNER,
  TPM_RH.PLATFORM,
  TPM_RH.ENDORSEMENT,
  TPM_RH.LOCKOUT,
]);
export type TPMI_RH_HIERARCHY_AUTH = TypeOf<typeof TPMI_RH_HIERARCHY_AUTH>;

/** @spec Part 2, "TPMI_RH_HIERARCHY_POLICY" */
export const TPMI_RH_HIERARCHY_POLICY = handle(
  "TPMI_RH_HIERARCHY_POLICY",
  [[TPM_RH.ACT_0, TPM_RH.ACT_F]],
  [TPM_RH.OWNER, TPM_RH.PLATFORM, TPM_RH.ENDORSEMENT, TPM_RH.LOCKOUT],
);
export type TPMI_RH_HIERARCHY_POLICY = TypeOf<typeof TPMI_RH_HIERARCHY_POLICY>;

/** @spec Part 2, "TPMI_RH_BASE_HIERARCHY" */
export const TPMI_RH_BASE_HIERARCHY = permanentHandle("TPMI_RH_BASE_HIERARCHY", [
  TPM_RH.OWNER,
  TPM_RH.PLATFORM,
  TPM_RH.ENDORSEMENT,
]);
export type TPMI_RH_BASE_HIERARCHY = TypeOf<typeof TPMI_RH_BASE_HIERARCHY>;

/** @spec Part 2, "TPMI_RH_PLATFORM" */
export const TPMI_RH_PLATFORM = permanentHandle("TPMI_RH_PLATFORM", [TPM_RH.PLATFORM]);
export type TPMI_RH_PLATFORM = TypeOf<typeof TPMI_RH_PLATFORM>;

/** @spec Part 2, "TPMI_RH_OWNER" */
export const TPMI_RH_OWNER = permanentHandle("TPMI_RH_OWNER", [TPM_RH.OWNER]);
export type TPMI_RH_OWNER = TypeOf<typeof TPMI_RH_OWNER>;
export const TPMI_RH_OWNER_NULLABLE = TPMI_RH_OWNER.plus(TPM_RH.NULL);

/** @spec Part 2, "TPMI_RH_ENDORSEMENT" */
export const TPMI_RH_ENDORSEMENT = permanentHandle("TPMI_RH_ENDORSEMENT", [TPM_RH.ENDORSEMENT]);
export type TPMI_RH_ENDORSEMENT = TypeOf<typeof TPMI_RH_ENDORSEMENT>;
export const TPMI_RH_ENDORSEMENT_NULLABLE = TPMI_RH_ENDORSEMENT.plus(TPM_RH.NULL);

/** @spec Part 2, "TPMI_RH_PROVISION" */
export const TPMI_RH_PROVISION = permanentHandle("TPMI_RH_PROVISION", [TPM_RH.OWNER, TPM_RH.PLATFORM]);
export type TPMI_RH_PROVISION = TypeOf<typeof TPMI_RH_PROVISION>;

/** @spec Part 2, "TPMI_RH_CLEAR" */
export const TPMI_RH_CLEAR = permanentHandle("TPMI_RH_CLEAR", [TPM_RH.LOCKOUT, TPM_RH.PLATFORM]);
export type TPMI_RH_CLEAR = TypeOf<typeof TPMI_RH_CLEAR>;

/** @spec Part 2, "TPMI_RH_NV_AUTH" */
export const TPMI_RH_NV_AUTH = handle("TPMI_RH_NV_AUTH", [NV_INDICES], [TPM_RH.OWNER, TPM_RH.PLATFORM]);
export type TPMI_RH_NV_AUTH = TypeOf<typeof TPMI_RH_NV_AUTH>;

/** @spec Part 2, "TPMI_RH_LOCKOUT" */
export const TPMI_RH_LOCKOUT = permanentHandle("TPMI_RH_LOCKOUT", [TPM_RH.LOCKOUT]);
export type TPMI_RH_LOCKOUT = TypeOf<typeof TPMI_RH_LOCKOUT>;

/** @spec Part 2, "TPMI_RH_NV_INDEX" */
export const TPMI_RH_NV_INDEX = handle("TPMI_RH_NV_INDEX", [NV_INDICES, EXTERNAL_NV_INDICES, PERMANENT_NV_INDICES]);
export type TPMI_RH_NV_INDEX = TypeOf<typeof TPMI_RH_NV_INDEX>;

/** @spec Part 2, "TPMI_RH_NV_DEFINED_INDEX" */
export const TPMI_RH_NV_DEFINED_INDEX = handle("TPMI_RH_NV_DEFINED_INDEX", [NV_INDICES, EXTERNAL_NV_INDICES]);
export type TPMI_RH_NV_DEFINED_INDEX = TypeOf<typeof TPMI_RH_NV_DEFINED_INDEX>;

/** @spec Part 2, "TPMI_RH_NV_LEGACY_INDEX" */
export const TPMI_RH_NV_LEGACY_INDEX = handle("TPMI_RH_NV_LEGACY_INDEX", [NV_INDICES]);
export type TPMI_RH_NV_LEGACY_INDEX = TypeOf<typeof TPMI_RH_NV_LEGACY_INDEX>;

/** @spec Part 2, "TPMI_RH_NV_EXP_INDEX" */
export const TPMI_RH_NV_EXP_INDEX = handle("TPMI_RH_NV_EXP_INDEX", [EXTERNAL_NV_INDICES]);
export type TPMI_RH_NV_EXP_INDEX = TypeOf<typeof TPMI_RH_NV_EXP_INDEX>;

/** @spec Part 2, "TPMI_RH_AC" */
export const TPMI_RH_AC = handle("TPMI_RH_AC", [[HANDLE.AC_FIRST, HANDLE.AC_LAST]]);
export type TPMI_RH_AC = TypeOf<typeof TPMI_RH_AC>;

/** @spec Part 2, "TPMI_RH_ACT" */
export const TPMI_RH_ACT = handle("TPMI_RH_ACT", [[TPM_RH.ACT_0, TPM_RH.ACT_F]]);
export type TPMI_RH_ACT = TypeOf<typeof TPMI_RH_ACT>;

/** @spec Part 2, "TPMI_ALG_HASH" */
export const TPMI_ALG_HASH = algorithm("TPMI_ALG_HASH", "HASH", [
  TPM_ALG.SHA1,
  TPM_ALG.SHA256,
  TPM_ALG.SHA384,
  TPM_ALG.SHA512,
  TPM_ALG.SM3_256,
  TPM_ALG.SHA3_256,
  TPM_ALG.SHA3_384,
  TPM_ALG.SHA3_512,
]);
export type TPMI_ALG_HASH = TypeOf<typeof TPMI_ALG_HASH>;
export const TPMI_ALG_HASH_NULLABLE = TPMI_ALG_HASH.plus(TPM_ALG.NULL);
export type TPMI_ALG_HASH_NULLABLE = TypeOf<typeof TPMI_ALG_HASH_NULLABLE>;

/** @spec Part 2, "TPMI_ALG_ASYM" */
export const TPMI_ALG_ASYM = algorithm("TPMI_ALG_ASYM", "ASYMMETRIC", [TPM_ALG.RSA, TPM_ALG.ECC]);
export type TPMI_ALG_ASYM = TypeOf<typeof TPMI_ALG_ASYM>;
export const TPMI_ALG_ASYM_NULLABLE = TPMI_ALG_ASYM.plus(TPM_ALG.NULL);

/** @spec Part 2, "TPMI_ALG_SYM_OBJECT" */
export const TPMI_ALG_SYM_OBJECT = algorithm("TPMI_ALG_SYM_OBJECT", "SYMMETRIC", [
  TPM_ALG.AES,
  TPM_ALG.SM4,
  TPM_ALG.CAMELLIA,
  TPM_ALG.TDES,
]);
export type TPMI_ALG_SYM_OBJECT = TypeOf<typeof TPMI_ALG_SYM_OBJECT>;
export const TPMI_ALG_SYM_OBJECT_NULLABLE = TPMI_ALG_SYM_OBJECT.plus(TPM_ALG.NULL);

/** @spec Part 2, "TPMI_ALG_SYM" */
export const TPMI_ALG_SYM = algorithm("TPMI_ALG_SYM", "SYMMETRIC", [
  TPM_ALG.AES,
  TPM_ALG.SM4,
  TPM_ALG.CAMELLIA,
  TPM_ALG.TDES,
  TPM_ALG.XOR,
]);
export type TPMI_ALG_SYM = TypeOf<typeof TPMI_ALG_SYM>;
export const TPMI_ALG_SYM_NULLABLE = TPMI_ALG_SYM.plus(TPM_ALG.NULL);

/** @spec Part 2, "TPMI_ALG_SYM_MODE" */
export const TPMI_ALG_SYM_MODE = algorithm("TPMI_ALG_SYM_MODE", "MODE", [
  TPM_ALG.CTR,
  TPM_ALG.OFB,
  TPM_ALG.CBC,
  TPM_ALG.CFB,
  TPM_ALG.ECB,
  TPM_ALG.CMAC,
]);
export type TPMI_ALG_SYM_MODE = TypeOf<typeof TPMI_ALG_SYM_MODE>;
export const TPMI_ALG_SYM_MODE_NULLABLE = TPMI_ALG_SYM_MODE.plus(TPM_ALG.NULL);
export type TPMI_ALG_SYM_MODE_NULLABLE = TypeOf<typeof TPMI_ALG_SYM_MODE_NULLABLE>;

/** @spec Part 2, "TPMI_ALG_CIPHER_MODE" */
export const TPMI_ALG_CIPHER_MODE = algorithm("TPMI_ALG_CIPHER_MODE", "MODE", [
  TPM_ALG.CTR,
  TPM_ALG.OFB,
  TPM_ALG.CBC,
  TPM_ALG.CFB,
  TPM_ALG.ECB,
]);
export type TPMI_ALG_CIPHER_MODE = TypeOf<typeof TPMI_ALG_CIPHER_MODE>;
export const TPMI_ALG_CIPHER_MODE_NULLABLE = TPMI_ALG_CIPHER_MODE.plus(TPM_ALG.NULL);
export type TPMI_ALG_CIPHER_MODE_NULLABLE = TypeOf<typeof TPMI_ALG_CIPHER_MODE_NULLABLE>;

/** @spec Part 2, "TPMI_ALG_KDF" */
export const TPMI_ALG_KDF = algorithm("TPMI_ALG_KDF", "KDF", [
  TPM_ALG.MGF1,
  TPM_ALG.KDF1_SP800_56A,
  TPM_ALG.KDF2,
  TPM_ALG.KDF1_SP800_108,
]);
export type TPMI_ALG_KDF = TypeOf<typeof TPMI_ALG_KDF>;
export const TPMI_ALG_KDF_NULLABLE = TPMI_ALG_KDF.plus(TPM_ALG.NULL);

/** @spec Part 2, "TPMI_ALG_SIG_SCHEME" */
export const TPMI_ALG_SIG_SCHEME = algorithm("TPMI_ALG_SIG_SCHEME", "SCHEME", [
  TPM_ALG.RSASSA,
  TPM_ALG.RSAPSS,
  TPM_ALG.ECDSA,
  TPM_ALG.ECDAA,
  TPM_ALG.SM2,
  TPM_ALG.ECSCHNORR,
  TPM_ALG.HMAC,
]);
export type TPMI_ALG_SIG_SCHEME = TypeOf<typeof TPMI_ALG_SIG_SCHEME>;
export const TPMI_ALG_SIG_SCHEME_NULLABLE = TPMI_ALG_SIG_SCHEME.plus(TPM_ALG.NULL);

/** @spec Part 2, "TPMI_ECC_KEY_EXCHANGE" */
export const TPMI_ECC_KEY_EXCHANGE = algorithm("TPMI_ECC_KEY_EXCHANGE", "SCHEME", [
  TPM_ALG.ECDH,
  TPM_ALG.ECMQV,
  TPM_ALG.SM2,
]);
export type TPMI_ECC_KEY_EXCHANGE = TypeOf<typeof TPMI_ECC_KEY_EXCHANGE>;
export const TPMI_ECC_KEY_EXCHANGE_NULLABLE = TPMI_ECC_KEY_EXCHANGE.plus(TPM_ALG.NULL);

/** @spec Part 2, "TPMI_ALG_MAC_SCHEME" */
export const TPMI_ALG_MAC_SCHEME = algorithm("TPMI_ALG_MAC_SCHEME", "SYMMETRIC", [
  TPM_ALG.SHA1,
  TPM_ALG.SHA256,
  TPM_ALG.SHA384,
  TPM_ALG.SHA512,
  TPM_ALG.SM3_256,
  TPM_ALG.SHA3_256,
  TPM_ALG.SHA3_384,
  TPM_ALG.SHA3_512,
  TPM_ALG.CMAC,
]);
export type TPMI_ALG_MAC_SCHEME = TypeOf<typeof TPMI_ALG_MAC_SCHEME>;
export const TPMI_ALG_MAC_SCHEME_NULLABLE = TPMI_ALG_MAC_SCHEME.plus(TPM_ALG.NULL);
export type TPMI_ALG_MAC_SCHEME_NULLABLE = TypeOf<typeof TPMI_ALG_MAC_SCHEME_NULLABLE>;

/** @spec Part 2, "TPMI_ALG_PUBLIC" */
export const TPMI_ALG_PUBLIC = algorithm("TPMI_ALG_PUBLIC", "TYPE", [
  TPM_ALG.KEYEDHASH,
  TPM_ALG.RSA,
  TPM_ALG.ECC,
  TPM_ALG.SYMCIPHER,
]);
export type TPMI_ALG_PUBLIC = TypeOf<typeof TPMI_ALG_PUBLIC>;

/** @spec Part 2, "TPMI_ALG_KEYEDHASH_SCHEME" */
export const TPMI_ALG_KEYEDHASH_SCHEME = algorithm("TPMI_ALG_KEYEDHASH_SCHEME", "VALUE", [TPM_ALG.HMAC, TPM_ALG.XOR]);
export type TPMI_ALG_KEYEDHASH_SCHEME = TypeOf<typeof TPMI_ALG_KEYEDHASH_SCHEME>;
export const TPMI_ALG_KEYEDHASH_SCHEME_NULLABLE = TPMI_ALG_KEYEDHASH_SCHEME.plus(TPM_ALG.NULL);

/** @spec Part 2, "TPMI_ALG_ASYM_SCHEME" */
export const TPMI_ALG_ASYM_SCHEME = algorithm("TPMI_ALG_ASYM_SCHEME", "VALUE", [
  TPM_ALG.RSASSA,
  TPM_ALG.RSAPSS,
  TPM_ALG.RSAES,
  TPM_ALG.OAEP,
  TPM_ALG.ECDSA,
  TPM_ALG.ECDAA,
  TPM_ALG.SM2,
  TPM_ALG.ECSCHNORR,
  TPM_ALG.ECDH,
  TPM_ALG.ECMQV,
]);
export type TPMI_ALG_ASYM_SCHEME = TypeOf<typeof TPMI_ALG_ASYM_SCHEME>;
export const TPMI_ALG_ASYM_SCHEME_NULLABLE = TPMI_ALG_ASYM_SCHEME.plus(TPM_ALG.NULL);

/** @spec Part 2, "TPMI_ALG_RSA_SCHEME" */
export const TPMI_ALG_RSA_SCHEME = algorithm("TPMI_ALG_RSA_SCHEME", "VALUE", [
  TPM_ALG.RSASSA,
  TPM_ALG.RSAPSS,
  TPM_ALG.RSAES,
  TPM_ALG.OAEP,
]);
export type TPMI_ALG_RSA_SCHEME = TypeOf<typeof TPMI_ALG_RSA_SCHEME>;
export const TPMI_ALG_RSA_SCHEME_NULLABLE = TPMI_ALG_RSA_SCHEME.plus(TPM_ALG.NULL);

const RSA_DECRYPT = [TPM_ALG.RSAES, TPM_ALG.OAEP] as const;
/**
 * A padding that the profile lacks is refused with SELECTOR here and not with VALUE, as the reference does.
 *
 * @spec Part 2, "TPMI_ALG_RSA_DECRYPT"
 */
export const TPMI_ALG_RSA_DECRYPT = choice(
  "TPMI_ALG_RSA_DECRYPT",
  choice("TPMI_ALG_RSA_DECRYPT", TPM_ALG_ID, { values: RSA_DECRYPT, reason: "VALUE" }),
  { values: RSA_DECRYPT, set: "ALG", names: TPM_ALG, reason: "SELECTOR" },
);
export type TPMI_ALG_RSA_DECRYPT = TypeOf<typeof TPMI_ALG_RSA_DECRYPT>;
export const TPMI_ALG_RSA_DECRYPT_NULLABLE = choice(
  "TPMI_ALG_RSA_DECRYPT+",
  choice("TPMI_ALG_RSA_DECRYPT+", TPM_ALG_ID, { values: [...RSA_DECRYPT, TPM_ALG.NULL], reason: "VALUE" }),
  { values: [...RSA_DECRYPT, TPM_ALG.NULL], set: "ALG", names: TPM_ALG, reason: "SELECTOR" },
);

/** @spec Part 2, "TPMI_ALG_ECC_SCHEME" */
export const TPMI_ALG_ECC_SCHEME = algorithm("TPMI_ALG_ECC_SCHEME", "SCHEME", [
  TPM_ALG.ECDSA,
  TPM_ALG.ECDAA,
  TPM_ALG.SM2,
  TPM_ALG.ECSCHNORR,
  TPM_ALG.ECDH,
  TPM_ALG.ECMQV,
]);
export type TPMI_ALG_ECC_SCHEME = TypeOf<typeof TPMI_ALG_ECC_SCHEME>;
export const TPMI_ALG_ECC_SCHEME_NULLABLE = TPMI_ALG_ECC_SCHEME.plus(TPM_ALG.NULL);

/** @spec Part 2, "TPMI_ECC_CURVE" */
export const TPMI_ECC_CURVE = choice("TPMI_ECC_CURVE", UINT16, {
  values: [
    TPM_ECC_CURVE.NIST_P192,
    TPM_ECC_CURVE.NIST_P224,
    TPM_ECC_CURVE.NIST_P256,
    TPM_ECC_CURVE.NIST_P384,
    TPM_ECC_CURVE.NIST_P521,
    TPM_ECC_CURVE.BN_P256,
    TPM_ECC_CURVE.BN_P638,
    TPM_ECC_CURVE.SM2_P256,
    TPM_ECC_CURVE.BP_P256_R1,
    TPM_ECC_CURVE.BP_P384_R1,
    TPM_ECC_CURVE.BP_P512_R1,
    TPM_ECC_CURVE.CURVE_25519,
    TPM_ECC_CURVE.CURVE_448,
  ],
  set: "ECC_CURVE",
  names: TPM_ECC_CURVE,
  reason: "CURVE",
});
export type TPMI_ECC_CURVE = TypeOf<typeof TPMI_ECC_CURVE>;

/**
 * A tag that no structure has is refused with VALUE; one of another structure with BAD_TAG.
 *
 * @spec Part 2, "TPMI_ST_COMMAND_TAG"
 */
export const TPMI_ST_COMMAND_TAG = choice("TPMI_ST_COMMAND_TAG", TPM_ST_ID, {
  values: [TPM_ST.NO_SESSIONS, TPM_ST.SESSIONS],
  names: TPM_ST,
  reason: "BAD_TAG",
});
export type TPMI_ST_COMMAND_TAG = TypeOf<typeof TPMI_ST_COMMAND_TAG>;

/** @spec Part 2, "TPMI_ST_ATTEST" */
export const TPMI_ST_ATTEST = choice("TPMI_ST_ATTEST", UINT16, {
  values: [
    TPM_ST.ATTEST_CERTIFY,
    TPM_ST.ATTEST_CREATION,
    TPM_ST.ATTEST_QUOTE,
    TPM_ST.ATTEST_COMMAND_AUDIT,
    TPM_ST.ATTEST_SESSION_AUDIT,
    TPM_ST.ATTEST_TIME,
    TPM_ST.ATTEST_NV,
    TPM_ST.ATTEST_NV_DIGEST,
  ],
  names: TPM_ST,
  reason: "SELECTOR",
});
export type TPMI_ST_ATTEST = TypeOf<typeof TPMI_ST_ATTEST>;
