import { alias, choice, type TypeOf, UINT8, UINT16, UINT32 } from "@vtpm/wire";
import { TPM_CC as CC } from "../command-codes.ts";
import {
  TPM_AT as AT,
  TPM_CAP as CAP,
  TPM_CLOCK_ADJUST as CLOCK_ADJUST,
  TPM_ECC_CURVE as CURVE,
  TPM_EO as EO,
  TPM_SE as SE,
  TPM_ST as ST,
  TPM_SU as SU,
  TPM_ALG,
  TPM_GENERATED_VALUE,
} from "../constants.ts";
import { TPM_RH } from "../handles.ts";
import { TPM_PT as PT, TPM_PT_PCR as PT_PCR } from "../properties.ts";
import { TPM_RC as RC } from "../response-codes.ts";
import { named } from "./declare.ts";

// The values of a type stand in an object of the type's name (`TPM_SU.CLEAR`), its schema is called `_ID` after the
// specification's own pair TPM_ALG and TPM_ALG_ID. Types that the reference takes unchecked are unchecked here too.

/** @spec Part 2, "TPM_ALG_ID" */
export const TPM_ALG_ID = named("TPM_ALG_ID", UINT16, TPM_ALG);
export type TPM_ALG_ID = TypeOf<typeof TPM_ALG_ID>;

/** @spec Part 2, "TPM_CC (Command Codes)" */
export const TPM_CC_ID = named("TPM_CC", UINT32, CC);
export type TPM_CC_ID = TypeOf<typeof TPM_CC_ID>;

/** @spec Part 2, "TPM_RC (Response Codes)" */
export const TPM_RC_ID = named("TPM_RC", UINT32, RC);
export type TPM_RC_ID = TypeOf<typeof TPM_RC_ID>;

/** @spec Part 2, "TPM_PT (Property Tag)" */
export const TPM_PT_ID = named("TPM_PT", UINT32, PT);
export type TPM_PT_ID = TypeOf<typeof TPM_PT_ID>;

/** @spec Part 2, "TPM_PT_PCR (PCR Property Tag)" */
export const TPM_PT_PCR_ID = named("TPM_PT_PCR", UINT32, PT_PCR);
export type TPM_PT_PCR_ID = TypeOf<typeof TPM_PT_PCR_ID>;

/** @spec Part 2, "TPM_AT" */
export const TPM_AT_ID = named("TPM_AT", UINT32, AT);
export type TPM_AT_ID = TypeOf<typeof TPM_AT_ID>;

/** @spec Part 2, "Handles" */
export const TPM_HANDLE = named("TPM_HANDLE", UINT32, TPM_RH);
export type TPM_HANDLE = TypeOf<typeof TPM_HANDLE>;

/** @spec Part 2, "TPM_KEY_BITS" */
export const TPM_KEY_BITS = alias("TPM_KEY_BITS", UINT16);
export type TPM_KEY_BITS = TypeOf<typeof TPM_KEY_BITS>;

/** @spec Part 2, "TPM_ECC_CURVE" */
export const TPM_ECC_CURVE_ID = choice("TPM_ECC_CURVE", UINT16, {
  values: [
    CURVE.NONE,
    CURVE.NIST_P192,
    CURVE.NIST_P224,
    CURVE.NIST_P256,
    CURVE.NIST_P384,
    CURVE.NIST_P521,
    CURVE.BN_P256,
    CURVE.BN_P638,
    CURVE.SM2_P256,
    CURVE.BP_P256_R1,
    CURVE.BP_P384_R1,
    CURVE.BP_P512_R1,
    CURVE.CURVE_25519,
    CURVE.CURVE_448,
  ],
  set: "ECC_CURVE",
  names: CURVE,
  reason: "CURVE",
});
export type TPM_ECC_CURVE_ID = TypeOf<typeof TPM_ECC_CURVE_ID>;

/**
 * The tags that the reference reads; ATTEST_NV_DIGEST and FU_MANIFEST are not among them.
 *
 * @spec Part 2, "TPM_ST (Structure Tags)"
 */
export const TPM_ST_ID = choice("TPM_ST", UINT16, {
  values: [
    ST.RSP_COMMAND,
    ST.NULL,
    ST.NO_SESSIONS,
    ST.SESSIONS,
    ST.ATTEST_NV,
    ST.ATTEST_COMMAND_AUDIT,
    ST.ATTEST_SESSION_AUDIT,
    ST.ATTEST_CERTIFY,
    ST.ATTEST_QUOTE,
    ST.ATTEST_TIME,
    ST.ATTEST_CREATION,
    ST.CREATION,
    ST.VERIFIED,
    ST.AUTH_SECRET,
    ST.HASHCHECK,
    ST.AUTH_SIGNED,
  ],
  names: ST,
  reason: "VALUE",
});
export type TPM_ST_ID = TypeOf<typeof TPM_ST_ID>;

/** @spec Part 2, "TPM_SU (Startup Type)" */
export const TPM_SU_ID = choice("TPM_SU", UINT16, { values: [SU.CLEAR, SU.STATE], names: SU, reason: "VALUE" });
export type TPM_SU_ID = TypeOf<typeof TPM_SU_ID>;

/** @spec Part 2, "TPM_SE (Session Type)" */
export const TPM_SE_ID = choice("TPM_SE", UINT8, {
  values: [SE.HMAC, SE.POLICY, SE.TRIAL],
  names: SE,
  reason: "VALUE",
});
export type TPM_SE_ID = TypeOf<typeof TPM_SE_ID>;

/** @spec Part 2, "TPM_EO (EA Arithmetic Operands)" */
export const TPM_EO_ID = choice("TPM_EO", UINT16, {
  values: [
    EO.EQ,
    EO.NEQ,
    EO.SIGNED_GT,
    EO.UNSIGNED_GT,
    EO.SIGNED_LT,
    EO.UNSIGNED_LT,
    EO.SIGNED_GE,
    EO.UNSIGNED_GE,
    EO.SIGNED_LE,
    EO.UNSIGNED_LE,
    EO.BITSET,
    EO.BITCLEAR,
  ],
  names: EO,
  reason: "VALUE",
});
export type TPM_EO_ID = TypeOf<typeof TPM_EO_ID>;

/** @spec Part 2, "TPM_CLOCK_ADJUST" */
export const TPM_CLOCK_ADJUST_ID = choice("TPM_CLOCK_ADJUST", UINT8, {
  values: [
    CLOCK_ADJUST.COARSE_SLOWER,
    CLOCK_ADJUST.MEDIUM_SLOWER,
    CLOCK_ADJUST.FINE_SLOWER,
    CLOCK_ADJUST.NO_CHANGE,
    CLOCK_ADJUST.FINE_FASTER,
    CLOCK_ADJUST.MEDIUM_FASTER,
    CLOCK_ADJUST.COARSE_FASTER,
  ],
  names: CLOCK_ADJUST,
  reason: "VALUE",
});
export type TPM_CLOCK_ADJUST_ID = TypeOf<typeof TPM_CLOCK_ADJUST_ID>;

/** @spec Part 2, "TPM_CAP (Capabilities)" */
export const TPM_CAP_ID = choice("TPM_CAP", UINT32, {
  values: [
    CAP.ALGS,
    CAP.HANDLES,
    CAP.COMMANDS,
    CAP.PP_COMMANDS,
    CAP.AUDIT_COMMANDS,
    CAP.PCRS,
    CAP.TPM_PROPERTIES,
    CAP.PCR_PROPERTIES,
    CAP.ECC_CURVES,
    CAP.AUTH_POLICIES,
    CAP.ACT,
    CAP.PUB_KEYS,
    CAP.SPDM_SESSION_INFO,
    CAP.VENDOR_PROPERTY,
  ],
  names: CAP,
  reason: "VALUE",
});
export type TPM_CAP_ID = TypeOf<typeof TPM_CAP_ID>;

/** @spec Part 2, "TPM_GENERATED" */
export const TPM_GENERATED = choice("TPM_GENERATED", UINT32, {
  values: [TPM_GENERATED_VALUE],
  names: { TPM_GENERATED_VALUE },
  reason: "VALUE",
});
export type TPM_GENERATED = TypeOf<typeof TPM_GENERATED>;
