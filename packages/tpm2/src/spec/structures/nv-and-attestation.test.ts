import { ANY, EMPTY, fromHex } from "@vtpm/wire";
import { conforms } from "@vtpm/wire/testing";
import { DEFAULT_V1 } from "../../profile.ts";
import { TPMS_CAPABILITY_DATA } from "./capabilities.ts";
import { TPMS_ATTEST, TPMS_AUTH_COMMAND, TPMS_CLOCK_INFO } from "./clock-and-attestation.ts";
import { TPMS_CONTEXT } from "./context-and-creation.ts";
import { TPM2B_NV_PUBLIC, TPMS_NV_PUBLIC, TPMT_NV_PUBLIC_2 } from "./nv-storage.ts";

const rules = DEFAULT_V1;

conforms(TPMS_NV_PUBLIC, {
  rules,
  valid: [
    [
      "an owner-written Index",
      { nvIndex: 0x01800001, nameAlg: 0x000b, attributes: 0x00000002, authPolicy: EMPTY, dataSize: 32 },
      "01800001 000b 00000002 0000 0020",
    ],
    [
      "the largest Index",
      { nvIndex: 0x01800001, nameAlg: 0x000b, attributes: 0x80000000, authPolicy: EMPTY, dataSize: 2048 },
      "01800001 000b 80000000 0000 0800",
    ],
  ],
  invalid: [
    ["a hash the TPM lacks", "01800001 0099 00000002 0000 0020", "HASH"],
    ["a reserved attribute bit", "01800001 000b 00000102 0000 0020", "RESERVED_BITS"],
    ["a policy longer than any digest", "01800001 000b 00000002 0041 0020", "SIZE"],
    ["an Index larger than any", "01800001 000b 00000002 0000 0801", "SIZE"],
    ["a handle that is no Index", "81000001 000b 00000002 0000 0020", "VALUE"],
  ],
});
conforms(TPM2B_NV_PUBLIC, { rules, invalid: [["nothing", "0000", "SIZE"]] });
conforms(TPMT_NV_PUBLIC_2, {
  rules: ANY,
  valid: [
    [
      "an external Index",
      {
        handleType: 0x11,
        nvPublic2: {
          nvIndex: 0x11000001,
          nameAlg: 0x000b,
          attributes: { external: 1, nv: 2 },
          authPolicy: EMPTY,
          dataSize: 8,
        },
      },
      "11 11000001 000b 0000000100000002 0000 0008",
    ],
  ],
  invalid: [
    ["a type of handle that is no Index", "81", "SELECTOR"],
    ["a reserved bit of 64", "11 11000001 000b 0000000800000002 0000 0008", "RESERVED_BITS"],
  ],
});

conforms(TPMS_CLOCK_INFO, {
  valid: [
    [
      "a clock beyond 2^53",
      { clock: 0xfedcba9876543210n, resetCount: 1, restartCount: 2, safe: 1 },
      "fedcba9876543210 00000001 00000002 01",
    ],
  ],
  invalid: [["a flag that is neither yes nor no", "0000000000000000 00000000 00000000 ff", "VALUE"]],
});
conforms(TPMS_ATTEST, {
  rules,
  valid: [
    [
      "a quote of nothing",
      {
        magic: 0xff544347,
        type: 0x8018,
        qualifiedSigner: EMPTY,
        extraData: fromHex("aabb"),
        clockInfo: { clock: 1n, resetCount: 2, restartCount: 3, safe: 0 },
        firmwareVersion: 0x2024012500120000n,
        attested: { pcrSelect: [], pcrDigest: EMPTY },
      },
      "ff544347 8018 0000 0002aabb 0000000000000001 00000002 00000003 00 2024012500120000 00000000 0000",
    ],
  ],
  invalid: [
    ["what no TPM made", "ff544346 8018", "VALUE"],
    ["another structure", "ff544347 8021", "SELECTOR"],
  ],
});
conforms(TPMS_AUTH_COMMAND, {
  rules,
  valid: [
    [
      "an empty password",
      { sessionHandle: 0x40000009, nonce: EMPTY, sessionAttributes: 1, hmac: EMPTY },
      "40000009 0000 01 0000",
    ],
  ],
  invalid: [
    ["a reserved attribute", "40000009 0000 08 0000", "RESERVED_BITS"],
    ["a handle that is no session", "40000007 0000 01 0000", "VALUE"],
  ],
});
conforms(TPMS_CONTEXT, {
  rules,
  valid: [
    [
      "a saved object",
      { sequence: 7n, savedHandle: 0x80000000, hierarchy: 0x40000001, contextBlob: fromHex("aa") },
      "0000000000000007 80000000 40000001 0001 aa",
    ],
  ],
  invalid: [
    ["an object that cannot be saved", "0000000000000007 80000003", "VALUE"],
    ["a blob longer than any context", "0000000000000007 80000000 40000001 0abd", "SIZE"],
  ],
});
conforms(TPMS_CAPABILITY_DATA, {
  rules,
  valid: [
    [
      "a property",
      { capability: 6, data: [{ property: 0x100, value: 0x322e3000 }] },
      "00000006 00000001 00000100 322e3000",
    ],
    [
      "PCR that a startup keeps",
      { capability: 7, data: [{ tag: 0, pcrSelect: fromHex("ffff00") }] },
      "00000007 00000001 00000000 03 ffff00",
    ],
    ["no ACT", { capability: 10, data: [] }, "0000000a 00000000"],
  ],
  invalid: [["an unknown capability", "00000050 00000000", "VALUE"]],
});
