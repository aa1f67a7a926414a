import { expect, test } from "vitest";
import { TPMA_ACT, TPMA_ALGORITHM, TPMA_CC, TPMA_NV, TPMA_OBJECT, TPMA_SESSION } from "./attributes.ts";
import { TPM_CC } from "./command-codes.ts";
import {
  TPM_ALG,
  TPM_CAP,
  TPM_CLOCK_ADJUST,
  TPM_ECC_CURVE,
  TPM_EO,
  TPM_GENERATED_VALUE,
  TPM_NT,
  TPM_SE,
  TPM_ST,
  TPM_SU,
} from "./constants.ts";
import { HANDLE, TPM_HT, TPM_RH } from "./handles.ts";
import { TPM_PT, TPM_PT_PCR } from "./properties.ts";

test("constants have the values of the library", () => {
  expect(TPM_ALG).toMatchObject({
    RSA: 1,
    SHA1: 4,
    NULL: 0x10,
    ECDSA: 0x18,
    CAMELLIA: 0x26,
    SHA3_512: 0x29,
    ECB: 0x44,
  });
  expect(TPM_ECC_CURVE).toMatchObject({ NONE: 0, NIST_P256: 3, BN_P638: 0x11, SM2_P256: 0x20, CURVE_448: 0x41 });
  expect(TPM_CC).toMatchObject({
    NV_UndefineSpaceSpecial: 0x11f,
    Startup: 0x144,
    PolicyParameters: 0x19c,
    HMAC: 0x155,
  });
  expect(TPM_ST).toMatchObject({
    RSP_COMMAND: 0xc4,
    NO_SESSIONS: 0x8001,
    ATTEST_NV_DIGEST: 0x801c,
    FU_MANIFEST: 0x8029,
  });
  expect(TPM_SU).toEqual({ CLEAR: 0, STATE: 1 });
  expect(TPM_SE).toEqual({ HMAC: 0, POLICY: 1, TRIAL: 3 });
  expect(TPM_CAP).toMatchObject({ ALGS: 0, ACT: 10, VENDOR_PROPERTY: 0x100 });
  expect(TPM_EO).toMatchObject({ EQ: 0, BITCLEAR: 11 });
  expect(TPM_CLOCK_ADJUST).toMatchObject({ COARSE_SLOWER: 0xfd, NO_CHANGE: 0, COARSE_FASTER: 3 });
  expect(TPM_NT).toEqual({ ORDINARY: 0, COUNTER: 1, BITS: 2, EXTEND: 4, PIN_FAIL: 8, PIN_PASS: 9 });
  expect(TPM_PT).toMatchObject({
    FAMILY_INDICATOR: 0x100,
    CONTEXT_GAP_MAX: 0x114,
    NV_COUNTERS_MAX: 0x116,
    MODES: 0x12d,
  });
  expect(TPM_PT).toMatchObject({ PERMANENT: 0x200, AUDIT_COUNTER_1: 0x214 });
  expect(TPM_PT_PCR).toMatchObject({ SAVE: 0, RESET_L4: 10, NO_INCREMENT: 0x11, AUTH: 0x14 });
  expect(TPM_GENERATED_VALUE).toBe(0xff544347);
});

test("handles have the values of the library", () => {
  expect(TPM_HT).toMatchObject({ PCR: 0, NV_INDEX: 1, PERMANENT: 0x40, TRANSIENT: 0x80, PERSISTENT: 0x81, AC: 0x90 });
  expect(TPM_RH).toMatchObject({ OWNER: 0x40000001, NULL: 0x40000007, PW: 0x40000009, RS_PW: 0x40000009 });
  expect(TPM_RH).toMatchObject({
    LOCKOUT: 0x4000000a,
    ENDORSEMENT: 0x4000000b,
    PLATFORM: 0x4000000c,
    ACT_F: 0x4000011f,
  });
  expect(HANDLE).toMatchObject({ POLICY_SESSION_FIRST: 0x03000000, PLATFORM_PERSISTENT: 0x81800000 });
  expect(HANDLE).toMatchObject({ TRANSIENT_FIRST: 0x80000000, PERSISTENT_LAST: 0x81ffffff, NV_INDEX_LAST: 0x01ffffff });
});

test("attributes reserve the bits that the reference refuses", () => {
  const reserved = (defined: number): number => 0xffffffff - defined;
  expect(reserved(TPMA_ALGORITHM.defined)).toBe(0xfffff8f0);
  expect(reserved(TPMA_OBJECT.defined)).toBe(0xfff0f009);
  expect(0xff - TPMA_SESSION.defined).toBe(0x18);
  expect(reserved(TPMA_CC.defined)).toBe(0xc03f0000);
  expect(reserved(TPMA_NV.defined)).toBe(0x01f00300);
  expect(TPMA_ACT.defined).toBe(3);
});

test("attributes are read by the names of the library", () => {
  // The storage root key of everybody's template.
  expect(TPMA_OBJECT.text(0x00030472)).toBe(
    "fixedTPM | fixedParent | sensitiveDataOrigin | userWithAuth | noDA | restricted | decrypt",
  );
  expect(TPMA_CC.get(0x14000176, "cHandles")).toBe(2);
  expect(TPMA_CC.has(0x14000176, "rHandle")).toBe(true);
  expect(TPMA_NV.get(0x20000094, "TPM_NT")).toBe(TPM_NT.PIN_PASS);
});
