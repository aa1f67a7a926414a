import { decode, encode, Refusal } from "@vtpm/wire";
import { describe, expect, test } from "vitest";
import { DEFAULT_V1, DEFAULT_V2, NULL_PROFILE, PROFILE_FORMAT, PROFILES, withProperties } from "./profile.ts";
import { TPMA_CC } from "./spec/attributes.ts";
import { TPM_CC } from "./spec/command-codes.ts";
import { TPM_ALG, TPM_ECC_CURVE } from "./spec/constants.ts";
import { TPM_PT } from "./spec/properties.ts";

test("default-v1 counts what libtpms reports", () => {
  expect(DEFAULT_V1.algorithms.size).toBe(33);
  expect(DEFAULT_V1.commands.size).toBe(114);
  expect(DEFAULT_V1.properties.size).toBe(48);
  expect(DEFAULT_V1.properties.get(TPM_PT.TOTAL_COMMANDS)).toBe(114);
  expect(NULL_PROFILE.properties.get(TPM_PT.TOTAL_COMMANDS)).toBe(110);
  expect(DEFAULT_V2.commands).toEqual(DEFAULT_V1.commands);
});

test("lists ascend, as TPM2_GetCapability answers them", () => {
  for (const codes of [DEFAULT_V1.algorithms, DEFAULT_V1.commands, DEFAULT_V1.properties].map((map) => [
    ...map.keys(),
  ])) {
    expect(codes).toEqual([...codes].sort((a, b) => a - b));
  }
});

test("each command's attributes carry its own code", () => {
  for (const [code, attributes] of DEFAULT_V1.commands) expect(TPMA_CC.get(attributes, "commandIndex")).toBe(code);
});

test("the state names a profile as libtpms does", () => {
  expect(DEFAULT_V1.json).toMatch(
    /^\{"Name":"default-v1","StateFormatLevel":7,"Commands":"0x11f-0x122,0x124-0x12e,0x130-0x140,0x142-0x159,0x15b-0x15e,0x160-0x165,0x167-0x174,0x176-0x178,0x17a-0x193,0x197,0x199-0x19c","Algorithms":"rsa,rsa-min-size=1024,.*,ecb","Description":"This profile enables all libtpms v0\.10-supported .*"\}$/,
  );
  expect(NULL_PROFILE.json).toContain(',0x17a-0x193,0x197","Algorithms"');
});

test("properties agree with the limits", () => {
  const { properties, limits } = DEFAULT_V1;
  expect(properties.get(TPM_PT.INPUT_BUFFER)).toBe(limits.MAX_DIGEST_BUFFER);
  expect(properties.get(TPM_PT.HR_TRANSIENT_MIN)).toBe(limits.MAX_LOADED_OBJECTS);
  expect(properties.get(TPM_PT.HR_LOADED_MIN)).toBe(limits.MAX_LOADED_SESSIONS);
  expect(properties.get(TPM_PT.HR_PERSISTENT_MIN)).toBe(limits.MIN_EVICT_OBJECTS);
  expect(properties.get(TPM_PT.ACTIVE_SESSIONS_MAX)).toBe(limits.MAX_ACTIVE_SESSIONS);
  expect(properties.get(TPM_PT.CONTEXT_GAP_MAX)).toBe(limits.CONTEXT_GAP_MAX);
  expect(properties.get(TPM_PT.PCR_COUNT)).toBe(limits.IMPLEMENTATION_PCR);
  expect(properties.get(TPM_PT.PCR_SELECT_MIN)).toBe(limits.PCR_SELECT_MIN);
  expect(properties.get(TPM_PT.NV_INDEX_MAX)).toBe(limits.MAX_NV_INDEX_SIZE);
  expect(properties.get(TPM_PT.NV_BUFFER_MAX)).toBe(limits.MAX_NV_BUFFER_SIZE);
  expect(properties.get(TPM_PT.MAX_COMMAND_SIZE)).toBe(limits.MAX_COMMAND_SIZE);
  expect(properties.get(TPM_PT.MAX_DIGEST)).toBe(limits.MAX_DIGEST_SIZE);
  expect(properties.get(TPM_PT.MAX_CAP_BUFFER)).toBe(limits.MAX_CAP_BUFFER);
});

describe("what exists", () => {
  test("null values exist in every profile", () => {
    expect(DEFAULT_V1.allows("ALG", TPM_ALG.NULL)).toBe(true);
    expect(DEFAULT_V1.allows("ECC_CURVE", TPM_ECC_CURVE.NONE)).toBe(true);
    expect(DEFAULT_V1.algorithms.has(TPM_ALG.NULL)).toBe(false);
  });

  test("SHA-3 and SM4 do not", () => {
    expect(DEFAULT_V1.allows("ALG", TPM_ALG.SHA3_256)).toBe(false);
    expect(DEFAULT_V1.allows("ALG", TPM_ALG.SM4)).toBe(false);
    expect(DEFAULT_V1.allows("ECC_CURVE", TPM_ECC_CURVE.BP_P256_R1)).toBe(false);
  });

  test.each([
    ["null", TPM_CC.ECC_Encrypt, "CC", false],
    ["default-v1", TPM_CC.ECC_Encrypt, "CC", true],
    ["null", 192, "AES_KEY_BITS", false],
    ["default-v1", 192, "AES_KEY_BITS", true],
    ["null", 192, "CAMELLIA_KEY_BITS", false],
    ["null", 192, "TDES_KEY_BITS", true],
    ["default-v1", 3072, "RSA_KEY_BITS", true],
    ["default-v1", 4096, "RSA_KEY_BITS", false],
    ["default-v2", 4096, "RSA_KEY_BITS", true],
  ] as const)("in %s, %s of %s: %s", (name, value, set, expected) => {
    expect(PROFILES.get(name)?.allows(set, value)).toBe(expected);
  });

  test("an unknown limit or set is a bug", () => {
    // What a caller without types may pass.
    expect(() => DEFAULT_V1.limit("NO_SUCH" as never)).toThrow(RangeError);
    expect(() => DEFAULT_V1.allows("NO_SUCH" as never, 1)).toThrow(RangeError);
  });
});

describe("in the state", () => {
  test.each([...PROFILES.values()].map((profile) => [profile.name, profile] as const))(
    "%s comes back",
    (_name, profile) => {
      expect(decode(PROFILE_FORMAT, encode(PROFILE_FORMAT, profile))).toBe(profile);
    },
  );

  test("another vendor's identity comes back with it", () => {
    const ours = withProperties(DEFAULT_V1, [[TPM_PT.MANUFACTURER, 0x56545020]]);
    const back = decode(PROFILE_FORMAT, encode(PROFILE_FORMAT, ours));
    expect(back.properties).toEqual(ours.properties);
    expect([...back.properties.keys()]).toEqual([...DEFAULT_V1.properties.keys()]);
    expect(DEFAULT_V1.properties.get(TPM_PT.MANUFACTURER)).toBe(0x49424d00);
  });

  test("an unknown profile is refused", () => {
    const bytes = encode(PROFILE_FORMAT, { ...DEFAULT_V1, json: '{"Name":"default-v9","StateFormatLevel":9}' });
    expect(() => decode(PROFILE_FORMAT, bytes)).toThrow(Refusal);
  });
});
