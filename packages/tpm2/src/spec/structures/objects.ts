import { optionalSized, sized, struct, type TypeOf, UINT32, union } from "@vtpm/wire";
import { TPMA_OBJECT } from "../attributes.ts";
import { TPM_ALG } from "../constants.ts";
import {
  TPM2B_ECC_PARAMETER,
  TPM2B_PRIVATE_KEY_RSA,
  TPM2B_PUBLIC_KEY_RSA,
  TPMI_RSA_KEY_BITS,
  TPMS_ECC_POINT,
  TPMT_ASYM_SCHEME_NULLABLE,
  TPMT_ECC_SCHEME_NULLABLE,
  TPMT_KDF_SCHEME_NULLABLE,
  TPMT_KEYEDHASH_SCHEME_NULLABLE,
  TPMT_RSA_SCHEME_NULLABLE,
} from "./asymmetric.ts";
import { TPM2B_AUTH, TPM2B_DIGEST } from "./base-structures.ts";
import { tpm2b, tpml } from "./declare.ts";
import { TPMI_ALG_HASH, TPMI_ALG_HASH_NULLABLE, TPMI_ALG_PUBLIC, TPMI_ECC_CURVE } from "./interface-types.ts";
import {
  TPM2B_SENSITIVE_DATA,
  TPM2B_SYM_KEY,
  TPMS_DERIVE,
  TPMS_SYMCIPHER_PARMS,
  TPMT_SYM_DEF_OBJECT_NULLABLE,
} from "./symmetric.ts";

/** @spec Part 2, "TPMS_KEYEDHASH_PARMS" */
export const TPMS_KEYEDHASH_PARMS = struct("TPMS_KEYEDHASH_PARMS", { scheme: TPMT_KEYEDHASH_SCHEME_NULLABLE });
export type TPMS_KEYEDHASH_PARMS = TypeOf<typeof TPMS_KEYEDHASH_PARMS>;

/** @spec Part 2, "TPMS_ASYM_PARMS" */
export const TPMS_ASYM_PARMS = struct("TPMS_ASYM_PARMS", {
  symmetric: TPMT_SYM_DEF_OBJECT_NULLABLE,
  scheme: TPMT_ASYM_SCHEME_NULLABLE,
});
export type TPMS_ASYM_PARMS = TypeOf<typeof TPMS_ASYM_PARMS>;

/** @spec Part 2, "TPMS_RSA_PARMS" */
export const TPMS_RSA_PARMS = struct("TPMS_RSA_PARMS", {
  symmetric: TPMT_SYM_DEF_OBJECT_NULLABLE,
  scheme: TPMT_RSA_SCHEME_NULLABLE,
  keyBits: TPMI_RSA_KEY_BITS,
  exponent: UINT32,
});
export type TPMS_RSA_PARMS = TypeOf<typeof TPMS_RSA_PARMS>;

/** @spec Part 2, "TPMS_ECC_PARMS" */
export const TPMS_ECC_PARMS = struct("TPMS_ECC_PARMS", {
  symmetric: TPMT_SYM_DEF_OBJECT_NULLABLE,
  scheme: TPMT_ECC_SCHEME_NULLABLE,
  curveID: TPMI_ECC_CURVE,
  kdf: TPMT_KDF_SCHEME_NULLABLE,
});
export type TPMS_ECC_PARMS = TypeOf<typeof TPMS_ECC_PARMS>;

/** @spec Part 2, "TPMT_PUBLIC_PARMS" */
export const TPMT_PUBLIC_PARMS = union("TPMT_PUBLIC_PARMS", { type: TPMI_ALG_PUBLIC }, "type", {
  [TPM_ALG.KEYEDHASH]: { parameters: TPMS_KEYEDHASH_PARMS },
  [TPM_ALG.SYMCIPHER]: { parameters: TPMS_SYMCIPHER_PARMS },
  [TPM_ALG.RSA]: { parameters: TPMS_RSA_PARMS },
  [TPM_ALG.ECC]: { parameters: TPMS_ECC_PARMS },
});
export type TPMT_PUBLIC_PARMS = TypeOf<typeof TPMT_PUBLIC_PARMS>;

const PUBLIC_KINDS = {
  [TPM_ALG.KEYEDHASH]: { parameters: TPMS_KEYEDHASH_PARMS, unique: TPM2B_DIGEST },
  [TPM_ALG.SYMCIPHER]: { parameters: TPMS_SYMCIPHER_PARMS, unique: TPM2B_DIGEST },
  [TPM_ALG.RSA]: { parameters: TPMS_RSA_PARMS, unique: TPM2B_PUBLIC_KEY_RSA },
  [TPM_ALG.ECC]: { parameters: TPMS_ECC_PARMS, unique: TPMS_ECC_POINT },
} as const;

/**
 * The public area of an object.
 *
 * @spec Part 2, "TPMT_PUBLIC"
 */
export const TPMT_PUBLIC = union(
  "TPMT_PUBLIC",
  { type: TPMI_ALG_PUBLIC, nameAlg: TPMI_ALG_HASH, objectAttributes: TPMA_OBJECT, authPolicy: TPM2B_DIGEST },
  "type",
  PUBLIC_KINDS,
);
export type TPMT_PUBLIC = TypeOf<typeof TPMT_PUBLIC>;

/** The same where the object may be without a Name: what TPM2_LoadExternal takes. */
export const TPMT_PUBLIC_NULLABLE = union(
  "TPMT_PUBLIC+",
  { type: TPMI_ALG_PUBLIC, nameAlg: TPMI_ALG_HASH_NULLABLE, objectAttributes: TPMA_OBJECT, authPolicy: TPM2B_DIGEST },
  "type",
  PUBLIC_KINDS,
);
export type TPMT_PUBLIC_NULLABLE = TypeOf<typeof TPMT_PUBLIC_NULLABLE>;

/**
 * A template for an object derived from its parent: label and context stand where the public key will be.
 *
 * @spec Part 2, "TPM2B_TEMPLATE"
 */
export const TPMT_PUBLIC_DERIVE = union(
  "TPMT_PUBLIC (derivation)",
  { type: TPMI_ALG_PUBLIC, nameAlg: TPMI_ALG_HASH, objectAttributes: TPMA_OBJECT, authPolicy: TPM2B_DIGEST },
  "type",
  {
    [TPM_ALG.KEYEDHASH]: { parameters: TPMS_KEYEDHASH_PARMS, unique: TPMS_DERIVE },
    [TPM_ALG.SYMCIPHER]: { parameters: TPMS_SYMCIPHER_PARMS, unique: TPMS_DERIVE },
    [TPM_ALG.RSA]: { parameters: TPMS_RSA_PARMS, unique: TPMS_DERIVE },
    [TPM_ALG.ECC]: { parameters: TPMS_ECC_PARMS, unique: TPMS_DERIVE },
  },
);
export type TPMT_PUBLIC_DERIVE = TypeOf<typeof TPMT_PUBLIC_DERIVE>;

/** @spec Part 2, "TPM2B_PUBLIC" */
export const TPM2B_PUBLIC = sized("TPM2B_PUBLIC", TPMT_PUBLIC);
export type TPM2B_PUBLIC = TypeOf<typeof TPM2B_PUBLIC>;
export const TPM2B_PUBLIC_NULLABLE = sized("TPM2B_PUBLIC+", TPMT_PUBLIC_NULLABLE);
export type TPM2B_PUBLIC_NULLABLE = TypeOf<typeof TPM2B_PUBLIC_NULLABLE>;

/**
 * A public area still encoded: which kind it is, depends on the parent.
 *
 * @spec Part 2, "TPM2B_TEMPLATE"
 */
export const TPM2B_TEMPLATE = tpm2b("TPM2B_TEMPLATE", "MAX_TEMPLATE_SIZE");
export type TPM2B_TEMPLATE = TypeOf<typeof TPM2B_TEMPLATE>;

/** @spec Part 2, "TPML_PUB_KEY" */
export const TPML_PUB_KEY = tpml("TPML_PUB_KEY", TPM2B_PUBLIC, "MAX_PUB_KEYS");
export type TPML_PUB_KEY = TypeOf<typeof TPML_PUB_KEY>;

/**
 * The secret part of an object: authorization, the seed of its children (or the obfuscation of its digest), and the key.
 *
 * @spec Part 2, "TPMT_SENSITIVE"
 */
export const TPMT_SENSITIVE = union(
  "TPMT_SENSITIVE",
  { sensitiveType: TPMI_ALG_PUBLIC, authValue: TPM2B_AUTH, seedValue: TPM2B_DIGEST },
  "sensitiveType",
  {
    [TPM_ALG.RSA]: { sensitive: TPM2B_PRIVATE_KEY_RSA },
    [TPM_ALG.ECC]: { sensitive: TPM2B_ECC_PARAMETER },
    [TPM_ALG.KEYEDHASH]: { sensitive: TPM2B_SENSITIVE_DATA },
    [TPM_ALG.SYMCIPHER]: { sensitive: TPM2B_SYM_KEY },
  },
);
export type TPMT_SENSITIVE = TypeOf<typeof TPMT_SENSITIVE>;

/** @spec Part 2, "TPM2B_SENSITIVE" */
export const TPM2B_SENSITIVE = optionalSized("TPM2B_SENSITIVE", TPMT_SENSITIVE);
export type TPM2B_SENSITIVE = TypeOf<typeof TPM2B_SENSITIVE>;

/** @spec Part 2, "TPM2B_PRIVATE" */
export const TPM2B_PRIVATE = tpm2b("TPM2B_PRIVATE", "MAX_PRIVATE_SIZE");
export type TPM2B_PRIVATE = TypeOf<typeof TPM2B_PRIVATE>;

/** @spec Part 2, "TPMS_ID_OBJECT" */
export const TPMS_ID_OBJECT = struct("TPMS_ID_OBJECT", { integrityHMAC: TPM2B_DIGEST, encIdentity: TPM2B_DIGEST });
export type TPMS_ID_OBJECT = TypeOf<typeof TPMS_ID_OBJECT>;

/** @spec Part 2, "TPM2B_ID_OBJECT" */
export const TPM2B_ID_OBJECT = tpm2b("TPM2B_ID_OBJECT", "MAX_ID_OBJECT_SIZE");
export type TPM2B_ID_OBJECT = TypeOf<typeof TPM2B_ID_OBJECT>;
