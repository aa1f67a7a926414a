import { EMPTY, fromHex } from "@vtpm/wire";
import { conforms } from "@vtpm/wire/testing";
import { DEFAULT_V1, DEFAULT_V2, NULL_PROFILE } from "../../profile.ts";
import {
  TPM2B_ECC_POINT,
  TPMT_ECC_SCHEME_NULLABLE,
  TPMT_KDF_SCHEME_NULLABLE,
  TPMT_KEYEDHASH_SCHEME_NULLABLE,
  TPMT_RSA_DECRYPT_NULLABLE,
  TPMT_SIG_SCHEME,
  TPMT_SIG_SCHEME_NULLABLE,
  TPMT_SIGNATURE,
} from "./asymmetric.ts";
import {
  TPM2B_PUBLIC,
  TPM2B_PUBLIC_NULLABLE,
  TPM2B_SENSITIVE,
  TPMS_RSA_PARMS,
  TPMT_PUBLIC,
  TPMT_SENSITIVE,
} from "./objects.ts";
import {
  TPM2B_SENSITIVE_CREATE,
  TPM2B_SENSITIVE_DATA,
  TPMT_SYM_DEF,
  TPMT_SYM_DEF_NULLABLE,
  TPMT_SYM_DEF_OBJECT,
} from "./symmetric.ts";

const rules = DEFAULT_V1;

conforms(TPMT_SYM_DEF, {
  rules,
  valid: [
    ["AES-128-CFB", { algorithm: 0x0006, keyBits: 128, mode: 0x0043 }, "0006 0080 0043"],
    ["AES-192 without a mode", { algorithm: 0x0006, keyBits: 192, mode: 0x0010 }, "0006 00c0 0010"],
    ["XOR, whose key size is a hash and which has no mode", { algorithm: 0x000a, keyBits: 0x000b }, "000a 000b"],
  ],
  invalid: [
    ["a size AES does not have", "0006 0040 0043", "VALUE"],
    ["a mode that is none", "0006 0080 0006", "MODE"],
    ["XOR with no hash", "000a 0010", "HASH"],
    ["no algorithm", "0010", "SYMMETRIC"],
  ],
});
conforms(TPMT_SYM_DEF, { rules: NULL_PROFILE, invalid: [["AES-192 before level 4", "0006 00c0 0043", "VALUE"]] });
conforms(TPMT_SYM_DEF_NULLABLE, { rules, valid: [["no algorithm", { algorithm: 0x0010 }, "0010"]] });
conforms(TPMT_SYM_DEF_OBJECT, { rules, invalid: [["XOR", "000a 000b", "SYMMETRIC"]] });
conforms(TPM2B_SENSITIVE_DATA, { rules, invalid: [["more than MAX_SYM_DATA", "0081", "SIZE"]] });
conforms(TPM2B_SENSITIVE_CREATE, {
  rules,
  valid: [["authorization and data", { userAuth: fromHex("aa"), data: EMPTY }, "0005 0001 aa 0000"]],
  invalid: [
    ["nothing", "0000", "SIZE"],
    ["a wrong size", "0006 0001 aa 0000", "SIZE"],
    ["of two mistakes the inner one", "0006 0041 aa", "SIZE"],
  ],
});

conforms(TPMT_SIG_SCHEME, {
  rules,
  valid: [
    ["RSASSA", { scheme: 0x0014, details: { hashAlg: 0x000b } }, "0014 000b"],
    ["ECDAA with its counter", { scheme: 0x001a, details: { hashAlg: 0x000b, count: 7 } }, "001a 000b 0007"],
    ["HMAC", { scheme: 0x0005, details: { hashAlg: 0x0004 } }, "0005 0004"],
  ],
  invalid: [
    ["no scheme", "0010", "SCHEME"],
    ["no hash", "0014 0010", "HASH"],
  ],
});
conforms(TPMT_SIG_SCHEME_NULLABLE, { rules, valid: [["no scheme", { scheme: 0x0010 }, "0010"]] });
conforms(TPMT_RSA_DECRYPT_NULLABLE, {
  rules,
  valid: [
    ["RSAES, which has no details", { scheme: 0x0015, details: {} }, "0015"],
    ["OAEP", { scheme: 0x0017, details: { hashAlg: 0x000b } }, "0017 000b"],
    ["no padding", { scheme: 0x0010 }, "0010"],
  ],
  invalid: [["a signature scheme", "0014 000b", "VALUE"]],
});
conforms(TPMT_ECC_SCHEME_NULLABLE, {
  rules,
  valid: [["ECDH", { scheme: 0x0019, details: { hashAlg: 0x000b } }, "0019 000b"]],
  invalid: [["OAEP", "0017 000b", "SCHEME"]],
});
conforms(TPMT_KDF_SCHEME_NULLABLE, { rules, invalid: [["a hash", "000b", "KDF"]] });
conforms(TPMT_KEYEDHASH_SCHEME_NULLABLE, {
  rules,
  valid: [
    ["XOR", { scheme: 0x000a, details: { hashAlg: 0x000b, kdf: 0x0022 } }, "000a 000b 0022"],
    ["XOR without KDF", { scheme: 0x000a, details: { hashAlg: 0x000b, kdf: 0x0010 } }, "000a 000b 0010"],
  ],
  invalid: [["a signature scheme of RSA", "0014 000b", "VALUE"]],
});
conforms(TPMT_SIGNATURE, {
  rules,
  valid: [
    [
      "ECDSA",
      { sigAlg: 0x0018, signature: { hash: 0x000b, signatureR: fromHex("01"), signatureS: fromHex("02") } },
      "0018 000b 0001 01 0001 02",
    ],
    ["HMAC", { sigAlg: 0x0005, signature: { hashAlg: 4, digest: new Uint8Array(20) } }, `0005 0004 ${"00".repeat(20)}`],
  ],
  invalid: [
    ["none", "0010", "SCHEME"],
    ["a number longer than any curve", "0018 000b 0051", "SIZE"],
    ["a number longer than any RSA key", "0014 000b 0201", "SIZE"],
  ],
});
conforms(TPM2B_ECC_POINT, {
  rules,
  valid: [["a point", { x: fromHex("01"), y: fromHex("02") }, "0006 0001 01 0001 02"]],
  invalid: [["no point", "0000", "SIZE"]],
});

conforms(TPMS_RSA_PARMS, {
  rules,
  valid: [
    [
      "3072 bits",
      { symmetric: { algorithm: 0x0010 }, scheme: { scheme: 0x0010 }, keyBits: 3072, exponent: 0 },
      "0010 0010 0c00 00000000",
    ],
  ],
  invalid: [["4096 bits before level 8", "0010 0010 1000 00000000", "VALUE"]],
});
conforms(TPMS_RSA_PARMS, {
  rules: DEFAULT_V2,
  valid: [
    [
      "4096 bits",
      { symmetric: { algorithm: 0x0010 }, scheme: { scheme: 0x0010 }, keyBits: 4096, exponent: 65537 },
      "0010 0010 1000 00010001",
    ],
  ],
});

/** The template of everybody's P-256 storage root key. */
const SRK = "0023 000b 00030472 0000 0006 0080 0043 0010 0003 0010 0000 0000";
conforms(TPMT_PUBLIC, {
  rules,
  valid: [
    [
      "a storage key of ECC",
      {
        type: 0x0023,
        nameAlg: 0x000b,
        objectAttributes: 0x00030472,
        authPolicy: EMPTY,
        parameters: {
          symmetric: { algorithm: 0x0006, keyBits: 128, mode: 0x0043 },
          scheme: { scheme: 0x0010 },
          curveID: 0x0003,
          kdf: { scheme: 0x0010 },
        },
        unique: { x: EMPTY, y: EMPTY },
      },
      SRK,
    ],
    [
      "sealed data",
      {
        type: 0x0008,
        nameAlg: 0x000b,
        objectAttributes: 0x00000012,
        authPolicy: EMPTY,
        parameters: { scheme: { scheme: 0x0010 } },
        unique: EMPTY,
      },
      "0008 000b 00000012 0000 0010 0000",
    ],
  ],
  invalid: [
    ["an unknown type", "0006 000b 00030472 0000", "TYPE"],
    ["an object without a Name", "0008 0010 00000012 0000 0010 0000", "HASH"],
    ["a reserved attribute", "0008 000b 00000013 0000 0010 0000", "RESERVED_BITS"],
    ["fixedFirmware, which libtpms reserves", "0008 000b 0000001a 0000 0010 0000", "RESERVED_BITS"],
    ["a policy longer than any digest", "0008 000b 00000012 0041", "SIZE"],
    ["a symmetric key without algorithm", "0025 000b 00000012 0000 0010", "SYMMETRIC"],
  ],
});
conforms(TPM2B_PUBLIC, {
  rules,
  invalid: [
    ["nothing", "0000", "SIZE"],
    ["a wrong size", `001b ${SRK}`, "SIZE"],
  ],
});
conforms(TPM2B_PUBLIC_NULLABLE, {
  rules,
  valid: [
    [
      "an object without a Name",
      {
        type: 0x0008,
        nameAlg: 0x0010,
        objectAttributes: 0,
        authPolicy: EMPTY,
        parameters: { scheme: { scheme: 0x0010 } },
        unique: EMPTY,
      },
      "000e 0008 0010 00000000 0000 0010 0000",
    ],
  ],
});
conforms(TPMT_SENSITIVE, {
  rules,
  valid: [
    [
      "a key of ECC",
      { sensitiveType: 0x0023, authValue: EMPTY, seedValue: fromHex("aa"), sensitive: fromHex("bb") },
      "0023 0000 0001 aa 0001 bb",
    ],
  ],
  invalid: [["an unknown type", "0010", "TYPE"]],
});
conforms(TPM2B_SENSITIVE, { rules, valid: [["no sensitive area", undefined, "0000"]] });
