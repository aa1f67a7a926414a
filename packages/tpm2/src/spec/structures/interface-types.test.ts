import { conforms } from "@vtpm/wire/testing";
import { DEFAULT_V1 } from "../../profile.ts";
import { TPM_CLOCK_ADJUST_ID, TPM_ECC_CURVE_ID, TPM_SE_ID, TPM_ST_ID } from "./constant-types.ts";
import {
  TPMI_ALG_ASYM,
  TPMI_ALG_ECC_SCHEME,
  TPMI_ALG_HASH,
  TPMI_ALG_HASH_NULLABLE,
  TPMI_ALG_KDF,
  TPMI_ALG_KEYEDHASH_SCHEME,
  TPMI_ALG_MAC_SCHEME,
  TPMI_ALG_PUBLIC,
  TPMI_ALG_RSA_DECRYPT,
  TPMI_ALG_RSA_SCHEME,
  TPMI_ALG_SIG_SCHEME,
  TPMI_ALG_SYM,
  TPMI_ALG_SYM_MODE,
  TPMI_ALG_SYM_OBJECT,
  TPMI_DH_ENTITY,
  TPMI_DH_OBJECT,
  TPMI_DH_OBJECT_NULLABLE,
  TPMI_DH_PARENT,
  TPMI_DH_PCR_NULLABLE,
  TPMI_DH_SAVED,
  TPMI_ECC_CURVE,
  TPMI_RH_HIERARCHY,
  TPMI_RH_HIERARCHY_POLICY,
  TPMI_RH_NV_AUTH,
  TPMI_RH_NV_INDEX,
  TPMI_SH_AUTH_SESSION,
  TPMI_SH_AUTH_SESSION_PW,
  TPMI_SH_POLICY,
  TPMI_ST_COMMAND_TAG,
  TPMI_YES_NO,
} from "./interface-types.ts";

const rules = DEFAULT_V1;

conforms(TPM_CLOCK_ADJUST_ID, {
  valid: [["the slowest", 0xfd, "fd"]],
  invalid: [["slower still", "fc", "VALUE"]],
});
conforms(TPM_SE_ID, { valid: [["a trial session", 3, "03"]], invalid: [["the number in between", "02", "VALUE"]] });
conforms(TPM_ST_ID, {
  valid: [["the tag of a response of TPM 1.2", 0x00c4, "00c4"]],
  invalid: [
    ["the tag of a command of TPM 1.2", "00c1", "VALUE"],
    ["a tag that the reference does not read", "801c", "VALUE"],
  ],
});
conforms(TPM_ECC_CURVE_ID, {
  rules,
  valid: [["none", 0, "0000"]],
  invalid: [["a curve that the profile lacks", "0030", "CURVE"]],
});

conforms(TPMI_YES_NO, { valid: [["yes", 1, "01"]], invalid: [["what C would take for yes", "02", "VALUE"]] });
conforms(TPMI_DH_OBJECT, {
  rules,
  valid: [
    ["the last transient handle", 0x80000002, "80000002"],
    ["the last persistent handle", 0x81ffffff, "81ffffff"],
  ],
  invalid: [
    ["a transient handle that this TPM cannot have", "80000003", "VALUE"],
    ["no object", "40000007", "VALUE"],
  ],
});
conforms(TPMI_DH_OBJECT_NULLABLE, { rules, valid: [["no object", 0x40000007, "40000007"]] });
conforms(TPMI_DH_OBJECT, { valid: [["any transient handle, seen from outside", 0x80fffffe, "80fffffe"]] });
conforms(TPMI_DH_PARENT, {
  rules,
  valid: [["a hierarchy", 0x4000000b, "4000000b"]],
  invalid: [["lockout", "4000000a", "VALUE"]],
});
conforms(TPMI_DH_ENTITY, {
  rules,
  valid: [
    ["a PCR", 23, "00000017"],
    ["lockout", 0x4000000a, "4000000a"],
    ["an NV Index", 0x01ffffff, "01ffffff"],
    ["a vendor's authorization", 0x4000010f, "4000010f"],
  ],
  invalid: [
    ["a PCR beyond the last", "00000018", "VALUE"],
    ["a session", "02000000", "VALUE"],
  ],
});
conforms(TPMI_DH_PCR_NULLABLE, {
  rules,
  valid: [["none", 0x40000007, "40000007"]],
  invalid: [["a PCR beyond the last", "00000018", "VALUE"]],
});
conforms(TPMI_SH_AUTH_SESSION, {
  rules,
  valid: [["the last policy session", 0x0300003f, "0300003f"]],
  invalid: [
    ["the session behind it", "03000040", "VALUE"],
    ["a password", "40000009", "VALUE"],
  ],
});
conforms(TPMI_SH_AUTH_SESSION_PW, { rules, valid: [["a password", 0x40000009, "40000009"]] });
conforms(TPMI_SH_POLICY, { rules, invalid: [["an HMAC session", "02000000", "VALUE"]] });
conforms(TPMI_DH_SAVED, {
  rules,
  valid: [["an object that a startup clears", 0x80000002, "80000002"]],
  invalid: [["a fourth kind of object", "80000003", "VALUE"]],
});
conforms(TPMI_RH_HIERARCHY, {
  valid: [["the platform", 0x4000000c, "4000000c"]],
  invalid: [
    ["the null hierarchy", "40000007", "VALUE"],
    ["lockout", "4000000a", "VALUE"],
  ],
});
conforms(TPMI_RH_HIERARCHY_POLICY, {
  valid: [["an ACT", 0x40000110, "40000110"]],
  invalid: [["the null hierarchy", "40000007", "VALUE"]],
});
conforms(TPMI_RH_NV_AUTH, {
  rules,
  valid: [["the Index itself", 0x01800001, "01800001"]],
  invalid: [["the endorsement hierarchy", "4000000b", "VALUE"]],
});
conforms(TPMI_RH_NV_INDEX, { rules, invalid: [["an external Index, which libtpms has not", "11000000", "VALUE"]] });

conforms(TPMI_ALG_HASH, {
  rules,
  valid: [["SHA-512", 0x000d, "000d"]],
  invalid: [
    ["no hash", "0010", "HASH"],
    ["SHA3-256, which the profile lacks", "0027", "HASH"],
    ["a cipher", "0006", "HASH"],
  ],
});
conforms(TPMI_ALG_HASH, { valid: [["SHA3-256, where nothing is lacking", 0x0027, "0027"]] });
conforms(TPMI_ALG_HASH_NULLABLE, { rules, valid: [["no hash", 0x0010, "0010"]] });
conforms(TPMI_ALG_ASYM, { rules, invalid: [["a cipher", "0006", "ASYMMETRIC"]] });
conforms(TPMI_ALG_SYM, {
  rules,
  valid: [["XOR", 0x000a, "000a"]],
  invalid: [["SM4, which the profile lacks", "0013", "SYMMETRIC"]],
});
conforms(TPMI_ALG_SYM_OBJECT, {
  rules,
  valid: [["triple DES", 0x0003, "0003"]],
  invalid: [["XOR", "000a", "SYMMETRIC"]],
});
conforms(TPMI_ALG_SYM_MODE, { rules, invalid: [["a cipher", "0006", "MODE"]] });
conforms(TPMI_ALG_KDF, { rules, invalid: [["a hash", "000b", "KDF"]] });
conforms(TPMI_ALG_SIG_SCHEME, { rules, invalid: [["an encryption scheme", "0017", "SCHEME"]] });
conforms(TPMI_ALG_MAC_SCHEME, {
  rules,
  valid: [["CMAC", 0x003f, "003f"]],
  invalid: [["a cipher", "0006", "SYMMETRIC"]],
});
conforms(TPMI_ALG_PUBLIC, { rules, invalid: [["a hash", "000b", "TYPE"]] });
conforms(TPMI_ALG_KEYEDHASH_SCHEME, { rules, invalid: [["CMAC", "003f", "VALUE"]] });
conforms(TPMI_ALG_RSA_SCHEME, { rules, invalid: [["a scheme of ECC", "0018", "VALUE"]] });
conforms(TPMI_ALG_RSA_DECRYPT, {
  rules: { limit: rules.limit, allows: (set, value) => set !== "ALG" || value !== 0x0015 },
  valid: [["OAEP", 0x0017, "0017"]],
  invalid: [
    ["a signature scheme", "0014", "VALUE"],
    ["RSAES where the profile lacks it", "0015", "SELECTOR"],
  ],
});
conforms(TPMI_ALG_ECC_SCHEME, { rules, invalid: [["a scheme of RSA", "0014", "SCHEME"]] });
conforms(TPMI_ECC_CURVE, {
  rules,
  valid: [["P-256", 0x0003, "0003"]],
  invalid: [
    ["none", "0000", "CURVE"],
    ["a curve that the profile lacks", "0030", "CURVE"],
  ],
});
conforms(TPMI_ST_COMMAND_TAG, {
  valid: [["a command with sessions", 0x8002, "8002"]],
  invalid: [
    ["the tag of a ticket", "8021", "BAD_TAG"],
    ["a tag that nothing has", "00c1", "VALUE"],
  ],
});
