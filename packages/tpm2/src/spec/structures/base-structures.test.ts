import { EMPTY, fromHex } from "@vtpm/wire";
import { conforms } from "@vtpm/wire/testing";
import { DEFAULT_V1 } from "../../profile.ts";
import {
  TPM2B_DATA,
  TPM2B_DIGEST,
  TPM2B_MAX_NV_BUFFER,
  TPM2B_NAME,
  TPML_ALG,
  TPML_DIGEST,
  TPML_DIGEST_MIN2,
  TPML_DIGEST_VALUES,
  TPML_PCR_SELECTION,
  TPMS_PCR_SELECTION,
  TPMS_TAGGED_POLICY,
  TPMT_HA,
  TPMT_TK_AUTH,
  TPMT_TK_CREATION,
} from "./base-structures.ts";

const rules = DEFAULT_V1;
const SHA1_OF_NOTHING = "da39a3ee5e6b4b0d3255bfef95601890afd80709";

conforms(TPMT_HA, {
  rules,
  valid: [["a digest", { hashAlg: 4, digest: fromHex(SHA1_OF_NOTHING) }, `0004 ${SHA1_OF_NOTHING}`]],
  invalid: [["no algorithm", "0010", "HASH"]],
});
conforms(TPM2B_DIGEST, {
  rules,
  valid: [["none", EMPTY, "0000"]],
  invalid: [["a digest longer than any", "0041", "SIZE"]],
});
conforms(TPM2B_DATA, { rules, invalid: [["more than a TPMT_HA", "0043", "SIZE"]] });
conforms(TPM2B_NAME, {
  rules,
  valid: [["what the padding of C lets pass", new Uint8Array(68), `0044 ${"00".repeat(68)}`]],
  invalid: [["more", "0045", "SIZE"]],
});
conforms(TPM2B_MAX_NV_BUFFER, { rules, invalid: [["more than the profile allows", "0401", "SIZE"]] });
conforms(TPMS_PCR_SELECTION, {
  rules,
  valid: [["PCR 0, 7 and 23", { hash: 0x000b, pcrSelect: fromHex("810080") }, "000b 03 810080"]],
  invalid: [
    ["too few octets", "000b 02 8100", "VALUE"],
    ["too many octets", "000b 04 81008000", "VALUE"],
    ["a bank that the profile lacks", "0027 03 810080", "HASH"],
  ],
});
conforms(TPML_PCR_SELECTION, { rules, invalid: [["more banks than there are", "00000005", "SIZE"]] });
conforms(TPML_DIGEST_VALUES, { rules, invalid: [["more banks than there are", "00000005", "SIZE"]] });
conforms(TPML_DIGEST, {
  rules,
  valid: [["one digest", [fromHex("aa")], "00000001 0001 aa"]],
  invalid: [["nine", "00000009", "SIZE"]],
});
conforms(TPML_DIGEST_MIN2, {
  rules,
  valid: [["two digests", [fromHex("aa"), EMPTY], "00000002 0001 aa 0000"]],
  invalid: [["one", "00000001 0001 aa", "SIZE"]],
});
conforms(TPML_ALG, {
  rules,
  valid: [["algorithms that the profile lacks, unchecked", [0x0027, 0xffff], "00000002 0027 ffff"]],
  invalid: [["too many", "00000041", "SIZE"]],
});
conforms(TPMS_TAGGED_POLICY, {
  rules,
  valid: [["no policy", { handle: 0x4000000a, policyHash: { hashAlg: 0x0010 } }, "4000000a 0010"]],
});
conforms(TPMT_TK_CREATION, {
  rules,
  valid: [["a null ticket", { tag: 0x8021, hierarchy: 0x40000007, digest: EMPTY }, "8021 40000007 0000"]],
  invalid: [
    ["another ticket", "8022 40000007 0000", "TAG"],
    ["a tag that nothing has", "8020 40000007 0000", "VALUE"],
    ["a handle that is no hierarchy", "8021 4000000a 0000", "VALUE"],
  ],
});
conforms(TPMT_TK_AUTH, {
  rules,
  valid: [
    ["of PolicySigned", { tag: 0x8025, hierarchy: 0x40000001, digest: EMPTY }, "8025 40000001 0000"],
    ["of PolicySecret", { tag: 0x8023, hierarchy: 0x40000001, digest: EMPTY }, "8023 40000001 0000"],
  ],
  invalid: [["of VerifySignature", "8022 40000001 0000", "TAG"]],
});
